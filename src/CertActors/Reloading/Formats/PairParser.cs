using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;

namespace CertActors.Reloading.Formats;

/// <summary>The contents of a pair's files.</summary>
/// <param name="Certificate">The content of the certificate file.</param>
/// <param name="Key">The content of the key file; the same object if it is the same file.</param>
/// <param name="Password">The content of the password file; null if there is none.</param>
internal sealed record PairContent(SecretBuffer Certificate, SecretBuffer Key, SecretBuffer? Password)
{
    public override string ToString() => nameof(PairContent);
}

/// <summary>Parses the contents of a pair's files into a leaf with its key, and its chain.</summary>
internal static class PairParser
{
    // The first that recognizes a file reads it. PEM recognizes every file, and so is the last.
    private static readonly IKeyPairFormat[] Formats = [new Pkcs12Format(), new PemFormat()];

    /// <param name="content">The contents of the files.</param>
    /// <param name="options">The pair.</param>
    /// <param name="now">Of two intermediates that fit equally well, the one that is valid at this time is taken.</param>
    /// <returns>The pair. The caller disposes of it.</returns>
    /// <exception cref="RejectedException">The contents do not form a pair.</exception>
    public static LoadedPair Parse(PairContent content, CertificateOptions options, DateTimeOffset now)
    {
        using var password = content.Password is { } text ? PasswordText.Read(options.PasswordPath!, text.Span) : null;
        var isOneFile = content.Key == content.Certificate;
        var format = FormatOf(content.Certificate);
        var maxIterations = format.EncryptsCertificates && !isOneFile ? KeyDerivation.MaxIterations / 2 : KeyDerivation.MaxIterations;
        using var certificateFile = format.Open(options.CertificatePath, content.Certificate, password, maxIterations);
        using var ownKeyFile = isOneFile ? null : FormatOf(content.Key).Open(options.KeyPath, content.Key, password, maxIterations);

        var certificates = certificateFile.ReadCertificates();
        X509Certificate2? leaf = null;
        X509Certificate2Collection intermediates = [];
        try
        {
            using var key = (ownKeyFile ?? certificateFile).ReadKey(certificates);
            leaf = LeafOf(certificates, key, options);
            (intermediates, var endsAtRoot) = ChainBuilder.Build(leaf, certificates, now, options.CertificatePath);
            return new LoadedPair(leaf, intermediates, endsAtRoot, leaf.ToFacts());
        }
        catch
        {
            leaf?.Dispose();
            intermediates = [];
            throw;
        }
        finally
        {
            foreach (var certificate in certificates.Except(intermediates, ReferenceEqualityComparer.Instance).OfType<X509Certificate2>())
                certificate.Dispose();
        }
    }

    private static IKeyPairFormat FormatOf(SecretBuffer content) => Array.Find(Formats, format => format.Recognizes(content.Span))!;

    private static X509Certificate2 LeafOf(X509Certificate2Collection certificates, AsymmetricAlgorithm key, CertificateOptions options)
    {
        foreach (var certificate in certificates)
        {
            try
            {
                var leaf = key is RSA rsa ? certificate.CopyWithPrivateKey(rsa) : certificate.CopyWithPrivateKey((ECDsa)key);
                return OperatingSystem.IsWindows() ? Persisted(leaf) : leaf;
            }
            catch (ArgumentException)
            {
                if (HasKey(certificate, key))
                    throw PrivateKey.ForKeyAgreementOnly(options.CertificatePath);

                // The key belongs to another certificate.
            }
        }

        throw new RejectedException(
            RejectionReason.KeyMismatch,
            $"The key in {options.KeyPath} belongs to none of the certificates in {options.CertificatePath}; write the certificate and the key of one pair.");
    }

    private static bool HasKey(X509Certificate2 certificate, AsymmetricAlgorithm key) =>
        certificate.PublicKey.ExportSubjectPublicKeyInfo().AsSpan().SequenceEqual(key.ExportSubjectPublicKeyInfo());

    // SChannel accepts no ephemeral key.
    private static X509Certificate2 Persisted(X509Certificate2 leaf)
    {
        using (leaf)
        {
            var pfx = leaf.Export(X509ContentType.Pfx);
            try
            {
                return X509CertificateLoader.LoadPkcs12(pfx, password: null);
            }
            finally
            {
                CryptographicOperations.ZeroMemory(pfx);
            }
        }
    }
}
