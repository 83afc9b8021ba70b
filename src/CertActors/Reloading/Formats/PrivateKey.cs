using System.Formats.Asn1;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;

namespace CertActors.Reloading.Formats;

/// <summary>Private keys in the forms that PEM files have them.</summary>
internal static class PrivateKey
{
    public const string Pkcs8Label = "PRIVATE KEY"; // RFC 5958
    public const string Pkcs1Label = "RSA PRIVATE KEY"; // RFC 8017, A.1.2
    public const string Sec1Label = "EC PRIVATE KEY"; // RFC 5915
    public const string EncryptedLabel = "ENCRYPTED PRIVATE KEY"; // RFC 5958, 3

    private const string Rsa = "1.2.840.113549.1.1.1";
    private const string EllipticCurve = "1.2.840.10045.2.1";

    // RSA of 16,384 bits takes 9 KiB; what is larger is no key.
    private const int LargestKey = 16 * 1024;

    /// <exception cref="RejectedException">It can't be used.</exception>
    public static AsymmetricAlgorithm Import(
        string path, string label, ReadOnlySpan<byte> der, PasswordText? password, int budget, X509Certificate2Collection certificates)
    {
        if (der.Length > LargestKey)
            throw new RejectedException(RejectionReason.KeyUnsupported, $"{path} holds a private key of {der.Length} bytes; write one of less than {LargestKey}.");
        try
        {
            return Checked(path, label switch
            {
                Pkcs1Label => ImportRsa(der, static (key, bytes) => key.ImportRSAPrivateKey(bytes, out _)),
                Sec1Label => ImportEcdsa(der, static (key, bytes) => key.ImportECPrivateKey(bytes, out _)),
                Pkcs8Label => ImportPkcs8(path, der),
                _ => ImportEncrypted(path, der, password, budget, certificates),
            });
        }
        catch (Exception error) when (error is CryptographicException or AsnContentException or PlatformNotSupportedException)
        {
            // The error of the parser itself is left out: nobody has promised that it doesn't quote the key.
            throw new RejectedException(
                RejectionReason.KeyMalformed,
                $"{path} holds a private key that is damaged, or on a curve that this platform doesn't know; write an RSA key, or an ECDSA key on P-256, P-384 or P-521.");
        }
    }

    /// <summary>That a key of a certificate's kind could be used at all.</summary>
    public static bool IsSupported(PublicKey key) => key.Oid.Value is Rsa or EllipticCurve;

    public static RejectedException Unsupported(string path, string? algorithm) => new(
        RejectionReason.KeyUnsupported,
        $"{path} holds a key of the kind {NameOf(algorithm)}, which .NET can't use for TLS; use an RSA key, or an ECDSA key on P-256, P-384 or P-521.");

    /// <summary>Sees to it that a key is one that TLS can be had with; it's disposed otherwise.</summary>
    public static AsymmetricAlgorithm Checked(string path, AsymmetricAlgorithm key)
    {
        if (key is not ECDsa ecdsa)
            return key;
        try
        {
            var curve = ecdsa.ExportParameters(includePrivateParameters: false).Curve;
            if (curve.IsNamed && curve.Oid.Value is "1.2.840.10045.3.1.7" or "1.3.132.0.34" or "1.3.132.0.35")
                return key;
            throw Unsupported(path, curve.IsNamed ? curve.Oid.Value : "EC with a curve of its own");
        }
        catch
        {
            key.Dispose();
            throw;
        }
    }

    private static AsymmetricAlgorithm ImportPkcs8(string path, ReadOnlySpan<byte> der)
    {
        switch (AlgorithmOf(der))
        {
            case Rsa:
                return ImportRsa(der, static (key, bytes) => key.ImportPkcs8PrivateKey(bytes, out _));
            case EllipticCurve:
                return ImportEcdsa(der, static (key, bytes) => key.ImportPkcs8PrivateKey(bytes, out _));
            case var other:
                throw Unsupported(path, other);
        }
    }

    private static string AlgorithmOf(ReadOnlySpan<byte> pkcs8)
    {
        // The key itself is not looked at, and nothing of it copied.
        AsnDecoder.ReadSequence(pkcs8, AsnEncodingRules.BER, out var start, out var length, out _);
        var info = pkcs8.Slice(start, length);
        AsnDecoder.ReadInteger(info, AsnEncodingRules.BER, out var version);
        AsnDecoder.ReadSequence(info[version..], AsnEncodingRules.BER, out start, out length, out _);
        return AsnDecoder.ReadObjectIdentifier(info.Slice(version + start, length), AsnEncodingRules.BER, out _);
    }

    /// <summary>What is encrypted tells its kind only once it's decrypted; the certificates tell what it should be.</summary>
    private static AsymmetricAlgorithm ImportEncrypted(
        string path, ReadOnlySpan<byte> der, PasswordText? password, int budget, X509Certificate2Collection certificates)
    {
        if (password is null)
        {
            throw new RejectedException(
                RejectionReason.PasswordWrong, $"{path} holds an encrypted private key, and no password file is named; name one, or write the key unencrypted.");
        }

        string[] kinds = [.. certificates.Select(certificate => certificate.PublicKey).Where(IsSupported).Select(key => key.Oid.Value!).Distinct()];
        if (kinds.Length == 0)
            throw Unsupported(path, certificates[0].PublicKey.Oid.Value);
        if (KeyDerivation.IterationsOfKey(der.ToArray()) is not { } iterations)
        {
            throw new RejectedException(
                RejectionReason.KeyUnsupported, $"{path} holds a private key that is encrypted in an unsupported way; encrypt it with 'openssl pkcs8 -topk8'.");
        }

        // The first is mostly the leaf's.
        long left = budget;
        foreach (var kind in kinds)
        {
            if (iterations > left)
                throw TooCostly(path, iterations);
            left -= iterations;
            try
            {
                return kind == Rsa
                    ? ImportRsa(der, (key, bytes) => key.ImportEncryptedPkcs8PrivateKey(password.Span, bytes, out _))
                    : ImportEcdsa(der, (key, bytes) => key.ImportEncryptedPkcs8PrivateKey(password.Span, bytes, out _));
            }
            catch (CryptographicException)
            {
                // Of the other kind, perhaps.
            }
        }

        throw new RejectedException(
            RejectionReason.PasswordWrong,
            $"{path} holds a private key that the password doesn't open, or that is damaged or not of a certificate's kind; write the password that it was encrypted with.");
    }

    public static RejectedException TooCostly(string path, long iterations) => new(
        RejectionReason.KeyDerivationTooCostly,
        $"{path} asks for {(iterations < long.MaxValue ? iterations : "endless")} iterations of key derivation, for each kind of key that its certificates have; no more than {KeyDerivation.MaxIterations} are allowed in all: encrypt it with fewer.");

    private static RSA ImportRsa(ReadOnlySpan<byte> der, Action<RSA, ReadOnlySpan<byte>> import) => Import(RSA.Create(), der, import);

    private static ECDsa ImportEcdsa(ReadOnlySpan<byte> der, Action<ECDsa, ReadOnlySpan<byte>> import) => Import(ECDsa.Create(), der, import);

    private static T Import<T>(T key, ReadOnlySpan<byte> der, Action<T, ReadOnlySpan<byte>> import)
        where T : AsymmetricAlgorithm
    {
        try
        {
            import(key, der);
            return key;
        }
        catch
        {
            key.Dispose();
            throw;
        }
    }

    private static string NameOf(string? algorithm) => algorithm switch
    {
        "1.3.101.112" => "Ed25519",
        "1.3.101.113" => "Ed448",
        "1.3.101.110" => "X25519",
        "1.3.101.111" => "X448",
        "1.2.840.10040.4.1" => "DSA",
        "1.2.840.113549.1.1.10" => "RSA-PSS (rsassaPss)",
        "1.3.132.0.10" => "ECDSA on secp256k1",
        _ => algorithm ?? "unknown",
    };
}
