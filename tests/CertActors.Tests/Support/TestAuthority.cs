using System.Formats.Asn1;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;

namespace CertActors.Tests.Support;

/// <summary>An authority that issues test certificates.</summary>
internal sealed class TestAuthority
{
    private readonly ECDsa _key;
    private readonly X500DistinguishedName _name;
    private readonly byte[]? _keyId;

    /// <param name="name">Its name.</param>
    /// <param name="issuer">Null for a root.</param>
    /// <param name="notBefore">The start of its validity; null for the start of test time.</param>
    /// <param name="notAfter">The end of its validity; null for 20 years later.</param>
    /// <param name="isAuthority">Whether its basic constraints say that it's an authority; null for none.</param>
    /// <param name="pathLength">How many intermediates may follow it; null for any number.</param>
    /// <param name="usage">Its key usage; null for none.</param>
    /// <param name="purposes">Object identifiers of its extended key usage; null for none.</param>
    /// <param name="hasKeyId">Whether it has a key identifier, which what it issues names then.</param>
    /// <param name="sameKeyAs">An authority whose key it has; null for a key of its own.</param>
    /// <param name="extension">One more extension; null for none.</param>
    public TestAuthority(
        string name,
        TestAuthority? issuer = null,
        DateTimeOffset? notBefore = null,
        DateTimeOffset? notAfter = null,
        bool? isAuthority = true,
        int? pathLength = null,
        X509KeyUsageFlags? usage = null,
        string[]? purposes = null,
        bool hasKeyId = true,
        TestAuthority? sameKeyAs = null,
        X509Extension? extension = null)
    {
        _key = sameKeyAs?._key ?? ECDsa.Create(ECCurve.NamedCurves.nistP256);
        var names = new X500DistinguishedNameBuilder();
        names.AddCommonName(name);
        _name = names.Build();
        var request = new CertificateRequest(_name, _key, HashAlgorithmName.SHA256);
        if (isAuthority is { } isOne)
            request.CertificateExtensions.Add(new X509BasicConstraintsExtension(isOne, pathLength is not null, pathLength ?? 0, critical: true));
        if (hasKeyId)
        {
            var keyId = new X509SubjectKeyIdentifierExtension(request.PublicKey, critical: false);
            _keyId = keyId.SubjectKeyIdentifierBytes.ToArray();
            request.CertificateExtensions.Add(keyId);
        }

        if (usage is { } flags)
            request.CertificateExtensions.Add(new X509KeyUsageExtension(flags, critical: true));
        if (purposes is not null)
            request.CertificateExtensions.Add(new X509EnhancedKeyUsageExtension([.. purposes.Select(purpose => new Oid(purpose))], critical: false));
        if (extension is not null)
            request.CertificateExtensions.Add(extension);
        CertificatePem = (issuer ?? this).Issue(request, notBefore ?? TestTime.Start, notAfter ?? TestTime.Start.AddYears(20));
    }

    public string CertificatePem { get; }

    public X500DistinguishedName Name => _name;

    /// <returns>An extension by which an authority may certify names below a domain alone (RFC 5280, 4.2.1.10).</returns>
    public static X509Extension NamesBelow(string domain)
    {
        var names = new AsnWriter(AsnEncodingRules.DER);
        using (names.PushSequence())
        using (names.PushSequence(new Asn1Tag(TagClass.ContextSpecific, 0)))
        using (names.PushSequence())
            names.WriteCharacterString(UniversalTagNumber.IA5String, domain, new Asn1Tag(TagClass.ContextSpecific, 2));
        return new X509Extension("2.5.29.30", names.Encode(), critical: true);
    }

    /// <returns>A signature on anything, with SHA-256.</returns>
    public byte[] Sign(byte[] data) => _key.SignData(data, HashAlgorithmName.SHA256, DSASignatureFormat.Rfc3279DerSequence);

    /// <returns>The certificate as PEM.</returns>
    public string Issue(CertificateRequest request, DateTimeOffset notBefore, DateTimeOffset notAfter)
    {
        if (_keyId is not null)
            request.CertificateExtensions.Add(X509AuthorityKeyIdentifierExtension.CreateFromSubjectKeyIdentifier(_keyId));
        using var certificate = request.Create(_name, X509SignatureGenerator.CreateForECDsa(_key), notBefore, notAfter, Guid.NewGuid().ToByteArray());
        return certificate.ExportCertificatePem() + "\n";
    }
}

internal static class TestTime
{
    public static readonly DateTimeOffset Start = new(2026, 1, 1, 0, 0, 0, TimeSpan.Zero);
}
