using CertActors.Diagnostics;

namespace CertActors;

/// <summary>The public facts of a certificate. Two are equal if their <see cref="Sha256"/> is.</summary>
public sealed record CertificateFacts
{
    /// <summary>The SHA-256 of the certificate's DER, as 64 lower-case hexadecimal digits.</summary>
    public required string Sha256 { get; init; }

    /// <summary>The serial number, in upper-case hexadecimal digits.</summary>
    public required string SerialNumber { get; init; }

    /// <summary>The subject's distinguished name.</summary>
    public required string Subject { get; init; }

    /// <summary>The issuer's distinguished name. A self-signed certificate has its own.</summary>
    public required string Issuer { get; init; }

    /// <summary>The DNS names of the subject alternative name (RFC 5280, 4.2.1.6), in the certificate's order.</summary>
    public required IReadOnlyList<string> DnsNames
    {
        get;
        init => field = ValueList.Of(value);
    }

    /// <summary>The IP addresses of the subject alternative name, in the certificate's order. Default: none.</summary>
    public IReadOnlyList<string> IPAddresses
    {
        get;
        init => field = ValueList.Of(value);
    } = ValueList.Of<string>([]);

    /// <summary>The start of the validity, UTC.</summary>
    public required DateTimeOffset NotBefore { get; init; }

    /// <summary>The end of the validity, UTC.</summary>
    public required DateTimeOffset NotAfter { get; init; }

    /// <summary>Whether the other describes the same certificate.</summary>
    public bool Equals(CertificateFacts? other) => other is not null && string.Equals(Sha256, other.Sha256, StringComparison.Ordinal);

    /// <summary>The hash code of <see cref="Sha256"/>.</summary>
    public override int GetHashCode() => StringComparer.Ordinal.GetHashCode(Sha256);
}
