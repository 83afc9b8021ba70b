using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;

namespace CertActors.Reloading.Formats;

/// <summary>A file of a trust bundle.</summary>
/// <param name="Path">Its path, for messages.</param>
/// <param name="Content">What it contains.</param>
internal sealed record BundleFile(string Path, ReadOnlyMemory<byte> Content)
{
    public override string ToString() => nameof(BundleFile);
}

/// <summary>The contents of a trust bundle's files.</summary>
/// <param name="Certificates">The files with certificates.</param>
/// <param name="RevocationLists">The files with revocation lists alone.</param>
internal sealed record BundleContent(IReadOnlyList<BundleFile> Certificates, IReadOnlyList<BundleFile> RevocationLists)
{
    public override string ToString() => nameof(BundleContent);
}

/// <summary>A certificate and the path of the file that contains it.</summary>
internal sealed record BundleCertificate(string Path, X509Certificate2 Certificate);

/// <summary>A revocation list and the path of the file that contains it.</summary>
internal sealed record BundleRevocationList(string Path, SignedRevocationList List);

/// <summary>What the files of a trust bundle contain, without duplicates. The caller disposes of it.</summary>
internal sealed class ParsedBundle : IDisposable
{
    public List<BundleCertificate> Certificates { get; } = [];

    public List<BundleRevocationList> RevocationLists { get; } = [];

    /// <summary>The paths of the files with a private key.</summary>
    public SortedSet<string> PathsWithKey { get; } = new(StringComparer.Ordinal);

    public void Dispose()
    {
        foreach (var (_, certificate) in Certificates)
            certificate.Dispose();
    }
}

/// <summary>Parses the files of a trust bundle.</summary>
/// <remarks>
/// The labels are those that OpenSSL reads from a file of trusted certificates (<c>X509_load_cert_crl_file(3)</c>), but for <c>TRUSTED CERTIFICATE</c>:
/// what such a block says about the use of the certificate would be lost, as .NET does not read it.
/// </remarks>
internal static class BundleParser
{
    private const string RevocationListLabel = "X509 CRL"; // RFC 7468, 7
    private const string OldCertificateLabel = "X509 CERTIFICATE"; // RFC 7468, 5.1

    /// <exception cref="RejectedException">A file is damaged, or does not contain what it should.</exception>
    public static ParsedBundle Parse(BundleContent content)
    {
        var bundle = new ParsedBundle();
        try
        {
            foreach (var file in content.Certificates)
                ReadCertificates(file, bundle);
            foreach (var file in content.RevocationLists)
                ReadRevocationLists(file, bundle);
            return bundle;
        }
        catch
        {
            bundle.Dispose();
            throw;
        }
    }

    private static void ReadCertificates(BundleFile file, ParsedBundle bundle)
    {
        RejectIfEmpty(file);
        var blocks = new PemBlocks(
            file.Path,
            label => label is PemBlocks.CertificateLabel or OldCertificateLabel or RevocationListLabel || PrivateKey.Labels.Contains(label),
            "'CERTIFICATE' and 'X509 CRL' blocks");
        var hasCertificate = false;
        try
        {
            blocks.ForEach(file.Content.Span, RejectionReason.CertificateMalformed, (label, der) =>
            {
                if (PrivateKey.Labels.Contains(label))
                {
                    bundle.PathsWithKey.Add(file.Path);
                    return;
                }

                if (label == RevocationListLabel)
                {
                    Add(bundle, file.Path, RevocationListParser.Parse(file.Path, der.ToArray()));
                    return;
                }

                hasCertificate = true;
                Add(bundle, file.Path, X509CertificateLoader.LoadCertificate(der));
            });
        }
        catch (CryptographicException)
        {
            throw blocks.Malformed(PemBlocks.CertificateLabel, RejectionReason.CertificateMalformed);
        }

        if (!hasCertificate)
        {
            throw new RejectedException(
                RejectionReason.CertificateMalformed,
                $"{file.Path} contains no certificate{PemBlocks.Hint(file.Content.Span)}; write the certificates of the trusted authorities to it, as PEM.");
        }
    }

    private static void ReadRevocationLists(BundleFile file, ParsedBundle bundle)
    {
        RejectIfEmpty(file);
        if (file.Content.Span is [0x30, ..])
        {
            Add(bundle, file.Path, RevocationListParser.Parse(file.Path, file.Content));
            return;
        }

        var hasList = false;
        new PemBlocks(file.Path, label => label == RevocationListLabel, "'X509 CRL' blocks").ForEach(
            file.Content.Span,
            RejectionReason.RevocationListMalformed,
            (_, der) =>
            {
                hasList = true;
                Add(bundle, file.Path, RevocationListParser.Parse(file.Path, der.ToArray()));
            });
        if (!hasList)
        {
            throw new RejectedException(
                RejectionReason.RevocationListMalformed, $"{file.Path} contains no revocation list; write one to it, as PEM or DER.");
        }
    }

    private static void Add(ParsedBundle bundle, string path, X509Certificate2 certificate)
    {
        if (bundle.Certificates.Exists(known => known.Certificate.HasSameBytesAs(certificate)))
            certificate.Dispose();
        else
            bundle.Certificates.Add(new BundleCertificate(path, certificate));
    }

    private static void Add(ParsedBundle bundle, string path, SignedRevocationList list)
    {
        if (!bundle.RevocationLists.Exists(known => known.List.List.Facts.Equals(list.List.Facts)))
            bundle.RevocationLists.Add(new BundleRevocationList(path, list));
    }

    private static void RejectIfEmpty(BundleFile file)
    {
        if (file.Content.IsEmpty)
            throw new RejectedException(RejectionReason.FileEmpty, $"{file.Path} is empty; write the complete file again.");
    }
}
