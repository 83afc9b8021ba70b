using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;

namespace CertActors.Reloading.Formats;

/// <summary>What loading, judging and reporting read from a single certificate.</summary>
internal static class CertificateExtensions
{
    /// <summary>Whether the certificate names the other one's subject as its issuer. The signature is not verified.</summary>
    public static bool IsIssuedBy(this X509Certificate2 certificate, X509Certificate2 issuer) =>
        certificate.IssuerName.RawData.AsSpan().SequenceEqual(issuer.SubjectName.RawData);

    /// <summary>Whether issuer and subject are the same, as in root certificates.</summary>
    public static bool IsSelfIssued(this X509Certificate2 certificate) => certificate.IsIssuedBy(certificate);

    public static bool HasSameIssuerAs(this X509Certificate2 certificate, X509Certificate2 other) =>
        certificate.IssuerName.RawData.AsSpan().SequenceEqual(other.IssuerName.RawData);

    /// <remarks>To .NET, two certificates are equal already when issuer and serial number are.</remarks>
    public static bool HasSameBytesAs(this X509Certificate2 certificate, X509Certificate2 other) =>
        certificate.RawDataMemory.Span.SequenceEqual(other.RawDataMemory.Span);

    public static bool IsValidAt(this X509Certificate2 certificate, DateTimeOffset now) =>
        certificate.NotBefore.ToUniversalTime() <= now && now <= certificate.NotAfter.ToUniversalTime();

    /// <returns>Algorithm and size of the certificate's public key, such as <c>ECDSA P-256</c>.</returns>
    public static string DescribeKey(this X509Certificate2 certificate)
    {
        using var rsa = certificate.GetRSAPublicKey();

        // OpenSSL decodes forms of a point that .NET's own decoder refuses; but the key of the certificate is null if its key usage excludes ECDSA.
        using var ecdsa = certificate.GetECDsaPublicKey() ?? certificate.PublicKey.GetECDsaPublicKey();
        return rsa is not null ? $"RSA {rsa.KeySize}" : ecdsa is not null ? $"ECDSA P-{ecdsa.KeySize}" : certificate.PublicKey.Oid.FriendlyName ?? "unknown";
    }

    /// <exception cref="CryptographicException">The certificate has an extension that cannot be decoded.</exception>
    public static CertificateFacts ToFacts(this X509Certificate2 certificate)
    {
        X509SubjectAlternativeNameExtension[] names = [.. certificate.Extensions.OfType<X509SubjectAlternativeNameExtension>()];
        return new CertificateFacts
        {
            Sha256 = Convert.ToHexStringLower(SHA256.HashData(certificate.RawDataMemory.Span)),
            SerialNumber = certificate.SerialNumber,
            Subject = certificate.Subject,
            Issuer = certificate.Issuer,
            DnsNames = [.. names.SelectMany(extension => extension.EnumerateDnsNames())],
            IPAddresses = [.. names.SelectMany(extension => extension.EnumerateIPAddresses()).Select(address => address.ToString())],
            NotBefore = certificate.NotBefore.ToUniversalTime(),
            NotAfter = certificate.NotAfter.ToUniversalTime(),
        };
    }
}
