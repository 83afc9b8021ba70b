namespace CertActors;

/// <summary>What may be told of a leaf certificate. Two are equal when their <paramref name="Sha256"/> is.</summary>
/// <param name="Sha256">The SHA-256 of the leaf's DER, 64 lower-case hexadecimal digits.</param>
/// <param name="SerialNumber">The serial number, in upper-case hexadecimal digits.</param>
/// <param name="Subject">The subject's distinguished name.</param>
/// <param name="DnsNames">The DNS names of the subject alternative name (RFC 5280, 4.2.1.6), in their order.</param>
/// <param name="NotBefore">The start of the validity, UTC.</param>
/// <param name="NotAfter">The end of the validity, UTC.</param>
public sealed record CertificateFacts(
    string Sha256,
    string SerialNumber,
    string Subject,
    IReadOnlyList<string> DnsNames,
    DateTimeOffset NotBefore,
    DateTimeOffset NotAfter)
{
    /// <summary>Whether the other names the same certificate.</summary>
    public bool Equals(CertificateFacts? other) => other is not null && string.Equals(Sha256, other.Sha256, StringComparison.Ordinal);

    /// <summary>The hash code of <see cref="Sha256"/>.</summary>
    public override int GetHashCode() => StringComparer.Ordinal.GetHashCode(Sha256);
}
