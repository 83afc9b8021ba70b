using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;

namespace CertActors.Tests.Support;

/// <summary>How a test's leaf is to be.</summary>
internal sealed record TestLeaf
{
    private static int _serial;

    public string[] Names { get; init; } = ["localhost"];

    public DateTimeOffset NotBefore { get; init; } = TestTime.Start;

    public DateTimeOffset NotAfter { get; init; } = TestTime.Start.AddYears(10);

    /// <summary>Object identifiers of the extended key usage; null for none.</summary>
    public string[]? Purposes { get; init; }

    /// <summary>Null for a self-signed one.</summary>
    public TestAuthority? Issuer { get; init; }

    /// <summary>Bits of an RSA key; null for ECDSA on P-256.</summary>
    public int? RsaBits { get; init; }

    public ECCurve Curve { get; init; } = ECCurve.NamedCurves.nistP256;

    public HashAlgorithmName Hash { get; init; } = HashAlgorithmName.SHA256;

    public RSASignaturePadding Padding { get; init; } = RSASignaturePadding.Pkcs1;

    public TestPair Make()
    {
        using var rsa = RsaBits is { } bits ? RSA.Create(bits) : null;
        using var ecdsa = rsa is null ? ECDsa.Create(Curve) : null;
        return Make(rsa, ecdsa);
    }

    public TestPair Make(AsymmetricAlgorithm key) => Make(key as RSA, key as ECDsa);

    private TestPair Make(RSA? rsa, ECDsa? ecdsa)
    {
        // The name tells one from another that is made in the same second.
        var subject = $"CN=test-{Interlocked.Increment(ref _serial)}";
        var request = rsa is not null ? new CertificateRequest(subject, rsa, Hash, Padding) : new CertificateRequest(subject, ecdsa!, Hash);
        var names = new SubjectAlternativeNameBuilder();
        foreach (var name in Names)
            names.AddDnsName(name);
        request.CertificateExtensions.Add(names.Build());
        if (Purposes is not null)
            request.CertificateExtensions.Add(new X509EnhancedKeyUsageExtension([.. Purposes.Select(purpose => new Oid(purpose))], critical: false));

        var pem = Issuer?.Issue(request, NotBefore, NotAfter) ?? SelfSign(request);
        using var certificate = X509Certificate2.CreateFromPem(pem);
        var key = (AsymmetricAlgorithm?)rsa ?? ecdsa!;
        return new TestPair(pem, key.ExportPkcs8PrivateKeyPem() + "\n", Convert.ToHexStringLower(SHA256.HashData(certificate.RawData)));
    }

    private string SelfSign(CertificateRequest request)
    {
        using var certificate = request.CreateSelfSigned(NotBefore, NotAfter);
        return certificate.ExportCertificatePem() + "\n";
    }
}
