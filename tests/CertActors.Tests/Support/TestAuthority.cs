using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;

namespace CertActors.Tests.Support;

/// <summary>An authority that issues test certificates.</summary>
internal sealed class TestAuthority
{
    private readonly ECDsa _key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
    private readonly X500DistinguishedName _name;
    private readonly byte[] _keyId;

    /// <param name="name">Its name.</param>
    /// <param name="issuer">Null for a root.</param>
    public TestAuthority(string name, TestAuthority? issuer = null)
    {
        _name = new X500DistinguishedName($"CN={name}");
        var request = new CertificateRequest(_name, _key, HashAlgorithmName.SHA256);
        request.CertificateExtensions.Add(new X509BasicConstraintsExtension(certificateAuthority: true, hasPathLengthConstraint: false, 0, critical: true));
        var keyId = new X509SubjectKeyIdentifierExtension(request.PublicKey, critical: false);
        _keyId = keyId.SubjectKeyIdentifierBytes.ToArray();
        request.CertificateExtensions.Add(keyId);
        CertificatePem = (issuer ?? this).Issue(request, TestTime.Start, TestTime.Start.AddYears(20));
    }

    public string CertificatePem { get; }

    /// <returns>The certificate as PEM.</returns>
    public string Issue(CertificateRequest request, DateTimeOffset notBefore, DateTimeOffset notAfter)
    {
        request.CertificateExtensions.Add(X509AuthorityKeyIdentifierExtension.CreateFromSubjectKeyIdentifier(_keyId));
        using var certificate = request.Create(_name, X509SignatureGenerator.CreateForECDsa(_key), notBefore, notAfter, Guid.NewGuid().ToByteArray());
        return certificate.ExportCertificatePem() + "\n";
    }
}

internal static class TestTime
{
    public static readonly DateTimeOffset Start = new(2026, 1, 1, 0, 0, 0, TimeSpan.Zero);
}
