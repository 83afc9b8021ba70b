using System.Formats.Asn1;
using System.Net;
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

    /// <summary>Null for a name of its own.</summary>
    public X500DistinguishedName? Subject { get; init; }

    /// <summary>DNS names as they are, control characters and all; <see cref="Names"/> must be host names.</summary>
    public string[] RawNames { get; init; } = [];

    public IPAddress[] Addresses { get; init; } = [];

    public string[] Uris { get; init; } = [];

    public string[] Emails { get; init; } = [];

    /// <summary>Key usage; null for none.</summary>
    public X509KeyUsageFlags? Usage { get; init; }

    /// <summary>Whether its basic constraints say that it's an authority; null for none.</summary>
    public bool? IsAuthority { get; init; }

    /// <summary>Where it says that its issuer's certificate is found; null for nowhere.</summary>
    public string? IssuerAddress { get; init; }

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
        var subject = Subject ?? new X500DistinguishedName($"CN=test-{Interlocked.Increment(ref _serial)}");
        var request = rsa is not null ? new CertificateRequest(subject, rsa, Hash, Padding) : new CertificateRequest(subject, ecdsa!, Hash);
        request.CertificateExtensions.Add(AlternativeNames());
        if (Usage is { } flags)
            request.CertificateExtensions.Add(new X509KeyUsageExtension(flags, critical: true));
        if (IsAuthority is { } isAuthority)
            request.CertificateExtensions.Add(new X509BasicConstraintsExtension(isAuthority, hasPathLengthConstraint: false, 0, critical: true));
        if (IssuerAddress is { } address)
            request.CertificateExtensions.Add(new X509AuthorityInformationAccessExtension(ocspUris: null, caIssuersUris: [address]));
        if (Purposes is not null)
            request.CertificateExtensions.Add(new X509EnhancedKeyUsageExtension([.. Purposes.Select(purpose => new Oid(purpose))], critical: false));

        var pem = Issuer?.Issue(request, NotBefore, NotAfter) ?? SelfSign(request);
        using var certificate = X509Certificate2.CreateFromPem(pem);
        var key = (AsymmetricAlgorithm?)rsa ?? ecdsa!;
        return new TestPair(pem, key.ExportPkcs8PrivateKeyPem() + "\n", Convert.ToHexStringLower(SHA256.HashData(certificate.RawData)));
    }

    // RFC 5280, 4.2.1.6. The builder that .NET has takes host names alone.
    private X509SubjectAlternativeNameExtension AlternativeNames()
    {
        var names = new AsnWriter(AsnEncodingRules.DER);
        using (names.PushSequence())
        {
            Write(1, Emails);
            Write(2, [.. Names, .. RawNames]);
            Write(6, Uris);
            foreach (var address in Addresses)
                names.WriteOctetString(address.GetAddressBytes(), new Asn1Tag(TagClass.ContextSpecific, 7));
        }

        return new X509SubjectAlternativeNameExtension(names.Encode());

        void Write(int kind, string[] values)
        {
            foreach (var value in values)
                names.WriteCharacterString(UniversalTagNumber.IA5String, value, new Asn1Tag(TagClass.ContextSpecific, kind));
        }
    }

    private string SelfSign(CertificateRequest request)
    {
        using var certificate = request.CreateSelfSigned(NotBefore, NotAfter);
        return certificate.ExportCertificatePem() + "\n";
    }
}
