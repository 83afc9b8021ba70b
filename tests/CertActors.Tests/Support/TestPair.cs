using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;

namespace CertActors.Tests.Support;

/// <summary>A key pair as PEM text, made for a test.</summary>
internal sealed record TestPair(string CertificatePem, string KeyPem, string Sha256)
{
    /// <summary>A self-signed ECDSA P-256 pair.</summary>
    public static TestPair Make(params string[] dnsNames) => (dnsNames.Length == 0 ? new TestLeaf() : new TestLeaf { Names = dnsNames }).Make();

    public static TestPair MakeRsa(Func<RSA, string> export)
    {
        using var key = RSA.Create(2048);
        return new TestLeaf().Make(key) with { KeyPem = export(key) };
    }

    public static TestPair MakeEcdsa(Func<ECDsa, string> export)
    {
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        return new TestLeaf().Make(key) with { KeyPem = export(key) };
    }

    /// <summary>The pair, and more certificates with it, as PKCS#12.</summary>
    public byte[] ToPkcs12(string? password, int iterations = 1, params string[] chainPem)
    {
        using var leaf = X509Certificate2.CreateFromPem(CertificatePem, KeyPem);
        X509Certificate2Collection contents = [leaf, .. chainPem.Select(pem => X509Certificate2.CreateFromPem(pem))];
        return contents.ExportPkcs12(new PbeParameters(PbeEncryptionAlgorithm.Aes256Cbc, HashAlgorithmName.SHA256, iterations), password);
    }
}
