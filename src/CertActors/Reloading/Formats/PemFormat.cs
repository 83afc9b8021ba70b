using System.Buffers;
using System.Buffers.Text;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using System.Text;

namespace CertActors.Reloading.Formats;

/// <summary>PEM (RFC 7468): blocks of Base64 with labels, and any text around them.</summary>
internal sealed class PemFormat : IKeyPairFormat
{
    private const string CertificateLabel = "CERTIFICATE";

    // OpenSSL and older servers write them beside keys. TLS in .NET does not use them.
    private static readonly string[] IgnoredLabels = ["EC PARAMETERS", "DH PARAMETERS"];

    private delegate void OnBlock(string label, ReadOnlySpan<byte> der);

    public bool EncryptsCertificates => false;

    private static ReadOnlySpan<byte> Beginning => "-----BEGIN "u8;

    /// <returns>True for every file: as any text may surround the blocks, a file without a block is PEM without a certificate or key.</returns>
    public bool Recognizes(ReadOnlySpan<byte> content) => true;

    public IKeyPairFile Open(string path, SecretBuffer content, PasswordText? password, int maxIterations) =>
        new PemFile(path, content, password, maxIterations);

    /// <summary>Calls back for each block. What was decoded is zeroed.</summary>
    /// <param name="path">The file's path, for messages.</param>
    /// <param name="content">What the file contains.</param>
    /// <param name="malformed">The reason to reject a damaged block by, unless its label says what it is.</param>
    /// <param name="onBlock">What is called back.</param>
    private static void ForEachBlock(string path, ReadOnlySpan<byte> content, RejectionReason malformed, OnBlock onBlock)
    {
        var byteOrderMark = Encoding.UTF8.Preamble;
        var rest = content.StartsWith(byteOrderMark) ? content[byteOrderMark.Length..] : content;
        using var der = SecretBuffer.Rent(content.Length);
        for (var start = rest.IndexOf(Beginning); start >= 0; start = rest.IndexOf(Beginning))
        {
            // The end of a block is searched for only up to the next beginning: with thousands of beginnings and no end, the time would be quadratic.
            rest = rest[start..];
            var length = rest[Beginning.Length..].IndexOf(Beginning);
            var next = length < 0 ? rest : rest[..(Beginning.Length + length)];
            if (!PemEncoding.TryFindUtf8(next, out var block) || block.Location.Start.Value > 0)
                throw Incomplete(path, next, malformed);
            rest = rest[block.Location.End.Value..];
            var label = Encoding.Latin1.GetString(next[block.Label]);
            if (label != CertificateLabel && !PrivateKey.Labels.Contains(label) && !IgnoredLabels.Contains(label))
            {
                throw new RejectedException(
                    RejectionReason.BlockUnsupported,
                    $"{path} contains a block of type '{Quotable(label)}', which is not supported; write only 'CERTIFICATE' and 'PRIVATE KEY' blocks to it{Remedy(label)}.");
            }

            if (Base64.DecodeFromUtf8(next[block.Base64Data], der.Span, out _, out var decoded) != OperationStatus.Done)
                throw Malformed(path, label, malformed);
            onBlock(label, der.Span[..decoded]);
        }
    }

    // A truncated block is not skipped: a missing intermediate would go unnoticed.
    private static RejectedException Incomplete(string path, ReadOnlySpan<byte> block, RejectionReason malformed)
    {
        if (block.IndexOf("Proc-Type: 4,ENCRYPTED"u8) >= 0)
        {
            return new RejectedException(
                RejectionReason.KeyUnsupported,
                $"{path} contains a key that is encrypted in OpenSSL's legacy format; convert it with 'openssl pkcs8 -topk8'.");
        }

        var afterBeginning = block[Beginning.Length..];
        var label = afterBeginning.IndexOf("-----"u8) is var end and > 0 and < 100 ? Encoding.Latin1.GetString(afterBeginning[..end]) : "";
        return Malformed(path, label, malformed);
    }

    private static RejectedException Malformed(string path, string label, RejectionReason otherwise)
    {
        var (reason, what) = PrivateKey.Labels.Contains(label) ? (RejectionReason.KeyMalformed, "private key")
            : label == CertificateLabel ? (RejectionReason.CertificateMalformed, "certificate")
            : (otherwise, "PEM block");
        return new RejectedException(reason, $"{path} contains a {what} that is truncated or damaged; write the complete file again.");
    }

    private static string Remedy(string label) => label switch
    {
        "TRUSTED CERTIFICATE" => " (convert it with 'openssl x509 -in FILE')",
        "OPENSSH PRIVATE KEY" => " (convert it with 'ssh-keygen -p -m PKCS8 -f FILE')",
        _ => "",
    };

    // In a damaged file, what is in the place of a label may be anything, including a part of the key.
    private static string Quotable(string label) =>
        label.Length <= 40 && label.All(c => char.IsAsciiLetterOrDigit(c) || c is ' ' or '#' or '-' or '_' or '.') ? label : "?";

    private sealed class PemFile(string path, SecretBuffer content, PasswordText? password, int maxIterations) : IKeyPairFile
    {
        public X509Certificate2Collection ReadCertificates()
        {
            X509Certificate2Collection certificates = [];
            try
            {
                ForEachBlock(path, content.Span, RejectionReason.CertificateMalformed, (label, der) =>
                {
                    if (label == CertificateLabel)
                        certificates.Add(X509CertificateLoader.LoadCertificate(der));
                });
                return certificates.Count > 0 ? certificates : throw Missing(RejectionReason.CertificateMalformed, "certificate", "the leaf and its chain");
            }
            catch (Exception error)
            {
                foreach (var certificate in certificates)
                    certificate.Dispose();
                if (error is CryptographicException)
                    throw Malformed(path, CertificateLabel, RejectionReason.CertificateMalformed);
                throw;
            }
        }

        public AsymmetricAlgorithm ReadKey(X509Certificate2Collection certificates)
        {
            AsymmetricAlgorithm? key = null;
            try
            {
                ForEachBlock(path, content.Span, RejectionReason.KeyMalformed, (label, der) =>
                {
                    if (key is null && PrivateKey.Labels.Contains(label))
                        key = PrivateKey.Import(path, label, der, password, maxIterations, certificates);
                });
            }
            catch
            {
                key?.Dispose();
                throw;
            }

            return key ?? throw Missing(RejectionReason.KeyMalformed, "private key", "the leaf's key");
        }

        public void Dispose()
        {
            // The content is the caller's.
        }

        private RejectedException Missing(RejectionReason reason, string what, string toWrite) =>
            new(reason, $"{path} contains no {what}{Hint(content.Span)}; write {toWrite} to it, as PEM or PKCS#12.");

        private static string Hint(ReadOnlySpan<byte> content) =>
            content is [0x30, ..] ? " in PEM format (it looks like DER)"
            : content is [0xff, 0xfe, ..] or [0xfe, 0xff, ..] ? " in PEM format (it looks like UTF-16)"
            : "";
    }
}
