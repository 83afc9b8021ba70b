using System.Buffers;
using System.Buffers.Text;
using System.Security.Cryptography;
using System.Text;

namespace CertActors.Reloading.Formats;

/// <summary>The blocks of a PEM file (RFC 7468): Base64 with labels, and any text around them.</summary>
/// <param name="path">The file's path, for messages.</param>
/// <param name="accepts">Whether a file of this kind may contain blocks with a label.</param>
/// <param name="toWrite">What belongs in the file, for messages.</param>
internal sealed class PemBlocks(string path, Func<string, bool> accepts, string toWrite)
{
    public const string CertificateLabel = "CERTIFICATE";

    // OpenSSL and older servers write them beside keys. TLS in .NET does not use them.
    private static readonly string[] IgnoredLabels = ["EC PARAMETERS", "DH PARAMETERS"];

    public delegate void OnBlock(string label, ReadOnlySpan<byte> der);

    private static ReadOnlySpan<byte> Beginning => "-----BEGIN "u8;

    /// <summary>Calls back for each block. What was decoded is zeroed.</summary>
    /// <param name="content">What the file contains.</param>
    /// <param name="malformed">The reason to reject a damaged block by, unless its label says what it is.</param>
    /// <param name="onBlock">What is called back.</param>
    /// <exception cref="RejectedException">A block is damaged, or of a kind that the file may not contain.</exception>
    public void ForEach(ReadOnlySpan<byte> content, RejectionReason malformed, OnBlock onBlock)
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
                throw Incomplete(next, malformed);
            rest = rest[block.Location.End.Value..];
            var label = Encoding.Latin1.GetString(next[block.Label]);
            if (!accepts(label) && !IgnoredLabels.Contains(label))
            {
                throw new RejectedException(
                    RejectionReason.BlockUnsupported,
                    $"{path} contains a block of type '{Quotable(label)}', which is not supported; write only {toWrite} to it{Remedy(label)}.");
            }

            if (Base64.DecodeFromUtf8(next[block.Base64Data], der.Span, out _, out var decoded) != OperationStatus.Done)
                throw Malformed(label, malformed);
            onBlock(label, der.Span[..decoded]);
        }
    }

    /// <returns>The rejection of a file with a damaged block.</returns>
    public RejectedException Malformed(string label, RejectionReason otherwise)
    {
        var (reason, what) = PrivateKey.Labels.Contains(label) ? (RejectionReason.KeyMalformed, "private key")
            : label == CertificateLabel ? (RejectionReason.CertificateMalformed, "certificate")
            : (otherwise, "PEM block");
        return new RejectedException(reason, $"{path} contains a {what} that is truncated or damaged; write the complete file again.");
    }

    /// <returns>What a file without blocks looks like, for messages; empty if it looks like nothing known.</returns>
    public static string Hint(ReadOnlySpan<byte> content) =>
        content is [0x30, ..] ? " in PEM format (it looks like DER)"
        : content is [0xff, 0xfe, ..] or [0xfe, 0xff, ..] ? " in PEM format (it looks like UTF-16)"
        : "";

    // A truncated block is not skipped: a missing intermediate would go unnoticed.
    private RejectedException Incomplete(ReadOnlySpan<byte> block, RejectionReason malformed)
    {
        if (block.IndexOf("Proc-Type: 4,ENCRYPTED"u8) >= 0)
        {
            return new RejectedException(
                RejectionReason.KeyUnsupported,
                $"{path} contains a key that is encrypted in OpenSSL's legacy format; convert it with 'openssl pkcs8 -topk8'.");
        }

        var afterBeginning = block[Beginning.Length..];
        var label = afterBeginning.IndexOf("-----"u8) is var end and > 0 and < 100 ? Encoding.Latin1.GetString(afterBeginning[..end]) : "";
        return Malformed(label, malformed);
    }

    private static string Remedy(string label) => label switch
    {
        "TRUSTED CERTIFICATE" => " (convert it with 'openssl x509 -in FILE')",
        "OPENSSH PRIVATE KEY" => " (convert it with 'ssh-keygen -p -m PKCS8 -f FILE')",
        "PKCS7" => " (convert it with 'openssl pkcs7 -print_certs -in FILE')",
        _ => "",
    };

    // In a damaged file, what is in the place of a label may be anything, including a part of the key.
    private static string Quotable(string label) =>
        label.Length <= 40 && label.All(c => char.IsAsciiLetterOrDigit(c) || c is ' ' or '#' or '-' or '_' or '.') ? label : "?";
}
