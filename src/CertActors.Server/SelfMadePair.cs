using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;

namespace CertActors.Server;

/// <summary>A short-lived self-signed pair for <c>localhost</c>.</summary>
internal sealed record SelfMadePair(string CertificatePem, string KeyPem, string Sha256, DateTimeOffset NotAfter)
{
    public static SelfMadePair Make(string subject = "localhost")
    {
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        var request = new CertificateRequest($"CN={subject}", key, HashAlgorithmName.SHA256);
        var names = new SubjectAlternativeNameBuilder();
        names.AddDnsName(subject);
        request.CertificateExtensions.Add(names.Build());

        var now = DateTimeOffset.UtcNow;
        using var certificate = request.CreateSelfSigned(now.AddMinutes(-1), now.AddHours(1));
        return new SelfMadePair(
            certificate.ExportCertificatePem() + "\n",
            key.ExportPkcs8PrivateKeyPem() + "\n",
            Convert.ToHexStringLower(SHA256.HashData(certificate.RawData)),
            certificate.NotAfter.ToUniversalTime());
    }

    /// <summary>The SHA-256 only: the text that the compiler generates for a record contains the key.</summary>
    public override string ToString() => Sha256;
}
