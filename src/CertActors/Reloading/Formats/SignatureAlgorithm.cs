using System.Formats.Asn1;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;

namespace CertActors.Reloading.Formats;

/// <summary>How a certificate or a revocation list is signed (RFC 5280, 4.1.1.2).</summary>
/// <param name="Hash">The hash that is signed.</param>
/// <param name="Padding">The padding of an RSA signature; null for ECDSA.</param>
internal sealed record SignatureAlgorithm(HashAlgorithmName Hash, RSASignaturePadding? Padding)
{
    private const string RsaPss = "1.2.840.113549.1.1.10"; // RFC 4055, 3.1
    private const string Mgf1 = "1.2.840.113549.1.1.8";
    private const string Sha1 = "1.3.14.3.2.26";
    private const string Md5 = "1.2.840.113549.2.5";

    // MD2, MD4, MD5 and SHA-1 with RSA; SHA-1 with DSA and ECDSA.
    private static readonly string[] Weak =
    [
        "1.2.840.113549.1.1.2", "1.2.840.113549.1.1.3", "1.2.840.113549.1.1.4", "1.2.840.113549.1.1.5", "1.3.14.3.2.29",
        "1.2.840.10040.4.3", "1.2.840.10045.4.1",
    ];

    /// <summary>Whether a certificate's signature uses SHA-1, MD5 or an older hash.</summary>
    /// <exception cref="AsnContentException">The parameters cannot be decoded.</exception>
    public static bool IsWeak(X509Certificate2 certificate) =>
        Weak.Contains(certificate.SignatureAlgorithm.Value)
        || (certificate.SignatureAlgorithm.Value == RsaPss && IsWeak(IdentifierOf(certificate)));

    /// <param name="identifier">An AlgorithmIdentifier.</param>
    /// <inheritdoc cref="IsWeak(X509Certificate2)"/>
    public static bool IsWeak(ReadOnlyMemory<byte> identifier)
    {
        var algorithm = new AsnReader(identifier, AsnEncodingRules.DER).ReadSequence();
        var name = algorithm.ReadObjectIdentifier();
        return Weak.Contains(name) || (name == RsaPss && PssParameters.Read(algorithm).Hash is Sha1 or Md5);
    }

    /// <param name="identifier">An AlgorithmIdentifier.</param>
    /// <returns>Null if .NET cannot verify such signatures, such as Ed25519.</returns>
    /// <exception cref="AsnContentException">The identifier cannot be decoded.</exception>
    public static SignatureAlgorithm? Read(ReadOnlyMemory<byte> identifier)
    {
        var algorithm = new AsnReader(identifier, AsnEncodingRules.DER).ReadSequence();
        return algorithm.ReadObjectIdentifier() switch
        {
            "1.2.840.113549.1.1.11" => new SignatureAlgorithm(HashAlgorithmName.SHA256, RSASignaturePadding.Pkcs1),
            "1.2.840.113549.1.1.12" => new SignatureAlgorithm(HashAlgorithmName.SHA384, RSASignaturePadding.Pkcs1),
            "1.2.840.113549.1.1.13" => new SignatureAlgorithm(HashAlgorithmName.SHA512, RSASignaturePadding.Pkcs1),
            "1.2.840.10045.4.3.2" => new SignatureAlgorithm(HashAlgorithmName.SHA256, Padding: null),
            "1.2.840.10045.4.3.3" => new SignatureAlgorithm(HashAlgorithmName.SHA384, Padding: null),
            "1.2.840.10045.4.3.4" => new SignatureAlgorithm(HashAlgorithmName.SHA512, Padding: null),
            RsaPss => PssParameters.Read(algorithm).ToAlgorithm(),
            _ => null,
        };
    }

    /// <returns>Whether a key has signed. False if the key is of another kind than the signature.</returns>
    public bool Verify(PublicKey key, ReadOnlySpan<byte> signed, ReadOnlySpan<byte> signature)
    {
        if (Padding is not null)
        {
            using var rsa = key.GetRSAPublicKey();
            return rsa?.VerifyData(signed, signature, Hash, Padding) == true;
        }

        using var ecdsa = key.GetECDsaPublicKey();
        return ecdsa?.VerifyData(signed, signature, Hash, DSASignatureFormat.Rfc3279DerSequence) == true;
    }

    private static ReadOnlyMemory<byte> IdentifierOf(X509Certificate2 certificate)
    {
        var parts = new AsnReader(certificate.RawDataMemory, AsnEncodingRules.DER).ReadSequence();
        parts.ReadEncodedValue();
        return parts.ReadEncodedValue();
    }

    /// <summary>RSASSA-PSS-params (RFC 4055, 3.1), which .NET does not expose. Each part is optional, and SHA-1 the default of both hashes.</summary>
    private sealed record PssParameters(string Hash, string MaskHash, int SaltLength)
    {
        public static PssParameters Read(AsnReader algorithm)
        {
            if (!algorithm.HasData)
                return new PssParameters(Sha1, Sha1, SaltLength: 20);

            var parameters = algorithm.ReadSequence();
            var hash = Part(parameters, 0)?.ReadSequence().ReadObjectIdentifier() ?? Sha1;
            var maskHash = Sha1;
            if (Part(parameters, 1)?.ReadSequence() is { } mask)
                maskHash = mask.ReadObjectIdentifier() == Mgf1 ? mask.ReadSequence().ReadObjectIdentifier() : "";
            var salt = 20;
            if (Part(parameters, 2) is { } length && !length.TryReadInt32(out salt))
                salt = -1;
            return new PssParameters(hash, maskHash, salt);
        }

        // .NET verifies salts that are as long as the hash.
        public SignatureAlgorithm? ToAlgorithm() => (Hash, MaskHash == Hash, SaltLength) switch
        {
            ("2.16.840.1.101.3.4.2.1", true, 32) => new SignatureAlgorithm(HashAlgorithmName.SHA256, RSASignaturePadding.Pss),
            ("2.16.840.1.101.3.4.2.2", true, 48) => new SignatureAlgorithm(HashAlgorithmName.SHA384, RSASignaturePadding.Pss),
            ("2.16.840.1.101.3.4.2.3", true, 64) => new SignatureAlgorithm(HashAlgorithmName.SHA512, RSASignaturePadding.Pss),
            _ => null,
        };

        private static AsnReader? Part(AsnReader parameters, int number)
        {
            var tag = new Asn1Tag(TagClass.ContextSpecific, number, isConstructed: true);
            return parameters.HasData && parameters.PeekTag().HasSameClassAndValue(tag) ? parameters.ReadSequence(tag) : null;
        }
    }
}
