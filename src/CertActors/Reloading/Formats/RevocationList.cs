using System.Numerics;

namespace CertActors.Reloading.Formats;

/// <summary>A certificate revocation list (RFC 5280, 5): which certificates of an issuer are revoked.</summary>
internal sealed class RevocationList
{
    /// <summary>The issuer's distinguished name, encoded.</summary>
    public required ReadOnlyMemory<byte> Issuer { get; init; }

    /// <summary>The issuing distribution point (RFC 5280, 5.2.5), encoded; empty for a list of all certificates of its issuer.</summary>
    public required ReadOnlyMemory<byte> Scope { get; init; }

    /// <summary>The serial numbers of the revoked certificates.</summary>
    public required RevokedSerials Serials { get; init; }

    /// <summary>The number of the list (RFC 5280, 5.2.3); 0 if it has none.</summary>
    public required BigInteger Number { get; init; }

    /// <summary>What is published of it.</summary>
    public required RevocationListFacts Facts { get; init; }

    /// <summary>Whether both lists are of the same issuer, by name, and of the same part of its certificates.</summary>
    public bool HasSameScopeAs(RevocationList other) =>
        Issuer.Span.SequenceEqual(other.Issuer.Span) && Scope.Span.SequenceEqual(other.Scope.Span);

    /// <summary>Whether the next list is due.</summary>
    public bool IsStaleAt(DateTimeOffset now) => Facts.NextUpdate < now;
}

/// <summary>A revocation list, and what its signature is verified by. The parts are slices of the file.</summary>
/// <param name="List">The list.</param>
/// <param name="Algorithm">The AlgorithmIdentifier of the signature.</param>
/// <param name="Signed">The part that is signed.</param>
/// <param name="Signature">The signature.</param>
internal sealed record SignedRevocationList(
    RevocationList List, ReadOnlyMemory<byte> Algorithm, ReadOnlyMemory<byte> Signed, ReadOnlyMemory<byte> Signature)
{
    public override string ToString() => nameof(SignedRevocationList);
}
