using System.Buffers.Text;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using System.Text;

namespace CertActors.Reloading.Formats;

/// <summary>What a PEM file holds (RFC 7468): certificates, a key, or both.</summary>
internal static class PemFile
{
    private const string Certificate = "CERTIFICATE";

    private static readonly string[] KeyLabels =
        [PrivateKey.Pkcs8Label, PrivateKey.Pkcs1Label, PrivateKey.Sec1Label, PrivateKey.EncryptedLabel];

    // Written beside keys by OpenSSL and for older servers, and of no use to TLS in .NET.
    private static readonly string[] IgnoredLabels = ["EC PARAMETERS", "DH PARAMETERS"];

    private static ReadOnlySpan<byte> Beginning => "-----BEGIN "u8;

    private delegate void OnBlock(string label, ReadOnlySpan<byte> der);

    /// <returns>All certificates, in the order of the file; the caller's to dispose.</returns>
    /// <exception cref="RejectedException">There are none, or not only good ones.</exception>
    public static X509Certificate2Collection ReadCertificates(string path, ReadOnlySpan<byte> file)
    {
        X509Certificate2Collection certificates = [];
        try
        {
            ForEachBlock(path, file, RejectionReason.CertificateMalformed, (label, der) =>
            {
                if (label == Certificate)
                    certificates.Add(X509CertificateLoader.LoadCertificate(der));
            });
            return certificates.Count > 0
                ? certificates
                : throw new RejectedException(
                    RejectionReason.CertificateMalformed,
                    $"{path} holds no certificate{Hint(file)}; write the leaf and its chain to it, as PEM or PKCS#12.");
        }
        catch (Exception error)
        {
            foreach (var certificate in certificates)
                certificate.Dispose();
            if (error is CryptographicException)
                throw Malformed(path, Certificate, RejectionReason.CertificateMalformed);
            throw;
        }
    }

    /// <summary>The first key in the file.</summary>
    /// <param name="path">The file's path, for what is said of it.</param>
    /// <param name="file">What it holds.</param>
    /// <param name="password">The password; null if there's none.</param>
    /// <param name="budget">How many iterations its decryption may take.</param>
    /// <param name="certificates">Those that the key may belong to.</param>
    /// <exception cref="RejectedException">There is none, or not a good one.</exception>
    public static AsymmetricAlgorithm ReadKey(
        string path, ReadOnlySpan<byte> file, PasswordText? password, int budget, X509Certificate2Collection certificates)
    {
        AsymmetricAlgorithm? key = null;
        try
        {
            ForEachBlock(path, file, RejectionReason.KeyMalformed, (label, der) =>
            {
                if (key is null && KeyLabels.Contains(label))
                    key = PrivateKey.Import(path, label, der, password, budget, certificates);
            });
        }
        catch
        {
            key?.Dispose();
            throw;
        }

        return key ?? throw new RejectedException(
            RejectionReason.KeyMalformed, $"{path} holds no private key{Hint(file)}; write the leaf's key to it, as PEM or PKCS#12.");
    }

    /// <summary>Calls back for each block. What was decoded is zeroed.</summary>
    private static void ForEachBlock(string path, ReadOnlySpan<byte> file, RejectionReason malformed, OnBlock onBlock)
    {
        var byteOrderMark = Encoding.UTF8.Preamble;
        var rest = file.StartsWith(byteOrderMark) ? file[byteOrderMark.Length..] : file;
        using var der = SecretBuffer.Rent(file.Length);
        for (var start = rest.IndexOf(Beginning); start >= 0; start = rest.IndexOf(Beginning))
        {
            // One at a time: to look for the end of each beginning in all that follows takes for ever where there are thousands without one.
            rest = rest[start..];
            var length = rest[Beginning.Length..].IndexOf(Beginning);
            var next = length < 0 ? rest : rest[..(Beginning.Length + length)];
            if (!PemEncoding.TryFindUtf8(next, out var block) || block.Location.Start.Value > 0)
                throw Broken(path, next, malformed);
            rest = rest[block.Location.End.Value..];
            var label = Encoding.Latin1.GetString(next[block.Label]);
            if (label != Certificate && !KeyLabels.Contains(label) && !IgnoredLabels.Contains(label))
            {
                throw new RejectedException(
                    RejectionReason.BlockUnsupported,
                    $"{path} holds a block of the kind '{Printable(label)}', which isn't supported; write 'CERTIFICATE' and 'PRIVATE KEY' blocks alone{Remedy(label)}.");
            }

            if (Base64.DecodeFromUtf8(next[block.Base64Data], der.Span, out _, out var decoded) != System.Buffers.OperationStatus.Done)
                throw Malformed(path, label, malformed);
            onBlock(label, der.Span[..decoded]);
        }
    }

    // What isn't whole isn't passed over: a truncated intermediate would go unnoticed.
    private static RejectedException Broken(string path, ReadOnlySpan<byte> block, RejectionReason malformed)
    {
        var named = block[Beginning.Length..];
        var label = named.IndexOf("-----"u8) is var end and > 0 and < 100 ? Encoding.Latin1.GetString(named[..end]) : "";
        if (block.IndexOf("Proc-Type: 4,ENCRYPTED"u8) >= 0)
        {
            return new RejectedException(
                RejectionReason.KeyUnsupported,
                $"{path} holds a key that is encrypted in OpenSSL's own old format; convert it with 'openssl pkcs8 -topk8'.");
        }

        return Malformed(path, label, malformed);
    }

    private static RejectedException Malformed(string path, string label, RejectionReason otherwise) =>
        KeyLabels.Contains(label)
            ? new RejectedException(RejectionReason.KeyMalformed, $"{path} holds a private key that is truncated or damaged; write it anew, whole.")
            : label == Certificate
                ? new RejectedException(RejectionReason.CertificateMalformed, $"{path} holds a certificate that is truncated or damaged; write it anew, whole.")
                : new RejectedException(otherwise, $"{path} holds a PEM block that is truncated or damaged; write it anew, whole.");

    private static string Hint(ReadOnlySpan<byte> file) =>
        file is [0x30, ..] ? " in PEM form (it looks like DER)"
        : file is [0xff, 0xfe, ..] or [0xfe, 0xff, ..] ? " in PEM form (it looks like UTF-16)"
        : "";

    private static string Remedy(string label) => label switch
    {
        "TRUSTED CERTIFICATE" => " (openssl x509 -in FILE makes it a plain one)",
        "OPENSSH PRIVATE KEY" => " (ssh-keygen -p -m PKCS8 makes it a plain one)",
        _ => "",
    };

    // What a file holds isn't to end in a log as it is.
    private static string Printable(string label) => label.Length <= 40 && label.All(c => char.IsAsciiLetterOrDigit(c) || c is ' ' or '#' or '-' or '_' or '.')
        ? label
        : "?";
}
