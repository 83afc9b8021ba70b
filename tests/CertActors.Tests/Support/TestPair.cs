using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;

namespace CertActors.Tests.Support;

/// <summary>A key pair as PEM text, made for a test.</summary>
internal sealed record TestPair(string CertificatePem, string KeyPem, string Sha256)
{
    private static int _serial;

    /// <summary>A self-signed ECDSA P-256 pair.</summary>
    public static TestPair Make(params string[] dnsNames)
    {
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        return Make(new CertificateRequest("CN=test", key, HashAlgorithmName.SHA256), key.ExportPkcs8PrivateKeyPem(), dnsNames);
    }

    public static TestPair MakeRsa(Func<RSA, string> export)
    {
        using var key = RSA.Create(2048);
        return Make(new CertificateRequest("CN=test", key, HashAlgorithmName.SHA256, RSASignaturePadding.Pkcs1), export(key), []);
    }

    public static TestPair MakeEcdsa(Func<ECDsa, string> export)
    {
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        return Make(new CertificateRequest("CN=test", key, HashAlgorithmName.SHA256), export(key), []);
    }

    private static TestPair Make(CertificateRequest request, string keyPem, string[] dnsNames)
    {
        var names = new SubjectAlternativeNameBuilder();
        foreach (var name in dnsNames.DefaultIfEmpty("localhost"))
            names.AddDnsName(name);
        request.CertificateExtensions.Add(names.Build());

        var from = new DateTimeOffset(2026, 1, 1, 0, 0, 0, TimeSpan.Zero);
        using var certificate = request.CreateSelfSigned(from.AddSeconds(Interlocked.Increment(ref _serial)), from.AddYears(10));
        return new TestPair(
            certificate.ExportCertificatePem(), keyPem, Convert.ToHexStringLower(SHA256.HashData(certificate.RawData)));
    }
}
