using System.Formats.Asn1;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;

namespace CertActors.Reloading.Formats;

/// <summary>Imports private keys, and rejects those that .NET cannot use for TLS.</summary>
internal static class PrivateKey
{
    private const string Pkcs8Label = "PRIVATE KEY"; // RFC 5958
    private const string Pkcs1Label = "RSA PRIVATE KEY"; // RFC 8017, A.1.2
    private const string Sec1Label = "EC PRIVATE KEY"; // RFC 5915
    private const string EncryptedLabel = "ENCRYPTED PRIVATE KEY"; // RFC 5958, 3

    private const string Rsa = "1.2.840.113549.1.1.1";
    private const string EllipticCurve = "1.2.840.10045.2.1";

    // An RSA key of 16,384 bits takes 9 KiB.
    private const int MaxKeySize = 16 * 1024;

    /// <summary>The labels of the PEM blocks that <see cref="Import"/> accepts.</summary>
    public static IReadOnlyList<string> Labels { get; } = [Pkcs8Label, Pkcs1Label, Sec1Label, EncryptedLabel];

    /// <param name="path">The file's path, for messages.</param>
    /// <param name="label">The label of the key's PEM block.</param>
    /// <param name="der">The key.</param>
    /// <param name="password">The password; null if none is configured.</param>
    /// <param name="maxIterations">How many iterations of key derivation its decryption may take.</param>
    /// <param name="certificates">The certificates that the key may belong to: an encrypted key does not reveal its type.</param>
    /// <exception cref="RejectedException">The key is damaged, cannot be decrypted, or is not supported.</exception>
    public static AsymmetricAlgorithm Import(
        string path, string label, ReadOnlySpan<byte> der, PasswordText? password, int maxIterations, X509Certificate2Collection certificates)
    {
        if (der.Length > MaxKeySize)
        {
            throw new RejectedException(
                RejectionReason.KeyUnsupported, $"{path} contains a private key of {der.Length} bytes; use one of at most {MaxKeySize} bytes.");
        }

        try
        {
            return Checked(path, label switch
            {
                Pkcs1Label => ImportRsa(der, static (key, bytes) => key.ImportRSAPrivateKey(bytes, out _)),
                Sec1Label => ImportEcdsa(der, static (key, bytes) => key.ImportECPrivateKey(bytes, out _)),
                Pkcs8Label => ImportPkcs8(path, der),
                _ => ImportEncrypted(path, der, password, maxIterations, certificates),
            });
        }
        catch (Exception error) when (error is CryptographicException or AsnContentException or PlatformNotSupportedException)
        {
            // The parser's own message is left out, as it might quote the key.
            throw new RejectedException(
                RejectionReason.KeyMalformed,
                $"{path} contains a private key that is damaged, or on a curve that this platform does not support; use an RSA key, or an ECDSA key on P-256, P-384 or P-521.");
        }
    }

    /// <summary>Whether keys of this type can be used.</summary>
    public static bool IsSupported(PublicKey key) => key.Oid.Value is Rsa or EllipticCurve;

    public static RejectedException Unsupported(string path, string? algorithm) => new(
        RejectionReason.KeyUnsupported,
        $"{path} contains a key of type {NameOf(algorithm)}, which .NET cannot use for TLS; use an RSA key, or an ECDSA key on P-256, P-384 or P-521.");

    /// <returns>The key, if TLS can use its curve.</returns>
    /// <exception cref="RejectedException">TLS cannot use it. The key is disposed of.</exception>
    public static AsymmetricAlgorithm Checked(string path, AsymmetricAlgorithm key)
    {
        if (key is not ECDsa ecdsa)
            return key;
        try
        {
            var curve = ecdsa.ExportParameters(includePrivateParameters: false).Curve;
            if (curve.IsNamed && curve.Oid.Value is "1.2.840.10045.3.1.7" or "1.3.132.0.34" or "1.3.132.0.35")
                return key;
            throw Unsupported(path, curve.IsNamed ? curve.Oid.Value : "EC with explicit curve parameters");
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
        // Read in place: no part of the key is copied.
        AsnDecoder.ReadSequence(pkcs8, AsnEncodingRules.BER, out var start, out var length, out _);
        var info = pkcs8.Slice(start, length);
        AsnDecoder.ReadInteger(info, AsnEncodingRules.BER, out var version);
        AsnDecoder.ReadSequence(info[version..], AsnEncodingRules.BER, out start, out length, out _);
        return AsnDecoder.ReadObjectIdentifier(info.Slice(version + start, length), AsnEncodingRules.BER, out _);
    }

    /// <summary>Decrypts a key as each type of key that the certificates have, since an encrypted key does not reveal its own.</summary>
    private static AsymmetricAlgorithm ImportEncrypted(
        string path, ReadOnlySpan<byte> der, PasswordText? password, int maxIterations, X509Certificate2Collection certificates)
    {
        if (password is null)
        {
            throw new RejectedException(
                RejectionReason.PasswordWrong, $"{path} contains an encrypted private key, and no password file is configured; configure one, or write the key unencrypted.");
        }

        string[] algorithms = [.. certificates.Select(certificate => certificate.PublicKey).Where(IsSupported).Select(key => key.Oid.Value!).Distinct()];
        if (algorithms.Length == 0)
            throw Unsupported(path, certificates[0].PublicKey.Oid.Value);
        if (KeyDerivation.IterationsOfKey(der.ToArray()) is not { } iterations)
        {
            throw new RejectedException(
                RejectionReason.KeyUnsupported, $"{path} contains a private key that is encrypted with an unsupported scheme; encrypt it with 'openssl pkcs8 -topk8'.");
        }

        // The first certificate is usually the leaf.
        long left = maxIterations;
        foreach (var algorithm in algorithms)
        {
            if (iterations > left)
                throw TooCostly(path, iterations);
            left -= iterations;
            try
            {
                return algorithm == Rsa
                    ? ImportRsa(der, (key, bytes) => key.ImportEncryptedPkcs8PrivateKey(password.Span, bytes, out _))
                    : ImportEcdsa(der, (key, bytes) => key.ImportEncryptedPkcs8PrivateKey(password.Span, bytes, out _));
            }
            catch (CryptographicException)
            {
                // The key may be of the next type.
            }
        }

        throw new RejectedException(
            RejectionReason.PasswordWrong,
            $"{path} contains a private key that cannot be decrypted: the password is wrong, or the key is damaged or of another type than the certificates'; write the password that it was encrypted with.");
    }

    public static RejectedException TooCostly(string path, long iterations) => new(
        RejectionReason.KeyDerivationTooCostly,
        $"{path} requires {(iterations < long.MaxValue ? iterations : "too many")} iterations of key derivation for each type of key that its certificates have; at most {KeyDerivation.MaxIterations} are allowed in total: encrypt it with fewer.");

    /// <summary>.NET gives no ECDSA key to a certificate whose key usage allows key agreement and no signatures.</summary>
    public static RejectedException ForKeyAgreementOnly(string path) => new(
        RejectionReason.KeyUsageExcluded,
        $"The leaf in {path} excludes TLS by a key usage of key agreement without digitalSignature; issue one that allows it.");

    // On Linux, Create returns a wrapper of these types. CopyWithPrivateKey shares the key of the types themselves with the certificate; of a wrapper,
    // it exports the key, then imports and checks it for a second time, which takes twice as long as everything else of an RSA pair.
    private static RSA ImportRsa(ReadOnlySpan<byte> der, Action<RSA, ReadOnlySpan<byte>> import) =>
        Import(OperatingSystem.IsLinux() ? new RSAOpenSsl() : RSA.Create(), der, import);

    private static ECDsa ImportEcdsa(ReadOnlySpan<byte> der, Action<ECDsa, ReadOnlySpan<byte>> import) =>
        Import(OperatingSystem.IsLinux() ? new ECDsaOpenSsl() : ECDsa.Create(), der, import);

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
