namespace CertActors;

/// <summary>The public facts of a certificate revocation list (RFC 5280, 5). Two are equal if their <see cref="Sha256"/> is.</summary>
public sealed record RevocationListFacts
{
    /// <summary>The SHA-256 of the list's DER, as 64 lower-case hexadecimal digits.</summary>
    public required string Sha256 { get; init; }

    /// <summary>The issuer's distinguished name.</summary>
    public required string Issuer { get; init; }

    /// <summary>When the list was issued, UTC.</summary>
    public required DateTimeOffset ThisUpdate { get; init; }

    /// <summary>When the next list is due, UTC; after that, the list is stale. Null if the list does not say, and so is never stale.</summary>
    public required DateTimeOffset? NextUpdate { get; init; }

    /// <summary>How many certificates it revokes.</summary>
    public required int Count { get; init; }

    /// <summary>Whether the other describes the same list.</summary>
    public bool Equals(RevocationListFacts? other) => other is not null && string.Equals(Sha256, other.Sha256, StringComparison.Ordinal);

    /// <summary>The hash code of <see cref="Sha256"/>.</summary>
    public override int GetHashCode() => StringComparer.Ordinal.GetHashCode(Sha256);
}
