namespace CertActors;

/// <summary>Whether a trust bundle accepts a peer's certificate.</summary>
public sealed record TrustResult
{
    /// <summary>Why the certificate is refused; null if it is accepted.</summary>
    public required TrustRefusal? Refusal { get; init; }

    /// <summary>
    /// The explanation for people, empty if the certificate is accepted. It names certificates by subject, serial number and issuer, with characters
    /// escaped that a terminal or a log would not print; never the certificate itself.
    /// </summary>
    public required string Message { get; init; }

    /// <summary>The certificate of the bundle that the peer's leads to: the first on the way. Null if the peer is refused.</summary>
    public CertificateFacts? Authority { get; init; }

    /// <summary>Whether the certificate is accepted.</summary>
    public bool IsAccepted => Refusal is null;
}
