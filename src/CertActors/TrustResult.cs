namespace CertActors;

/// <summary>Whether a trust bundle accepts a peer's certificate.</summary>
public sealed record TrustResult
{
    internal static readonly TrustResult Accepted = new() { Refusal = null, Message = "" };

    /// <summary>Why the certificate is refused; null if it is accepted.</summary>
    public required TrustRefusal? Refusal { get; init; }

    /// <summary>
    /// The explanation for people, empty if the certificate is accepted. It names certificates by subject, serial number and issuer, with characters
    /// escaped that a terminal or a log would not print; never the certificate itself.
    /// </summary>
    public required string Message { get; init; }

    /// <summary>Whether the certificate is accepted.</summary>
    public bool IsAccepted => Refusal is null;
}

/// <summary>Why a trust bundle refuses a peer's certificate.</summary>
public enum TrustRefusal
{
    /// <summary>The certificate leads to no certificate of the bundle, or a signature on the way is invalid.</summary>
    Untrusted,

    /// <summary>The certificate, or one that it leads to, has expired, including that of the bundle.</summary>
    Expired,

    /// <summary>The certificate, or one that it leads to, is not valid yet.</summary>
    NotYetValid,

    /// <summary>The certificate, or one that it leads to, is on a revocation list of the bundle.</summary>
    Revoked,

    /// <summary>
    /// The next revocation list of an issuer was due and is not in the bundle, so that the certificate may be revoked
    /// (<see cref="TrustBundleOptions.AllowStaleRevocationLists"/>).
    /// </summary>
    StaleRevocationList,

    /// <summary>The certificate, or one that it leads to, excludes the purpose by its extended key usage (RFC 5280, 4.2.1.12).</summary>
    WrongPurpose,

    /// <summary>
    /// A certificate on the way was not allowed to issue the one before by its basic constraints, key usage, name constraints or policies, or has a
    /// critical extension that is not known.
    /// </summary>
    ConstraintViolated,

    /// <summary>The certificate, or one that was sent with it, could not be checked, as it cannot be decoded.</summary>
    Malformed,

    /// <summary>The peer has sent no certificate, and one is required. From handshakes alone.</summary>
    NotPresented,

    /// <summary>The server's certificate was not issued for the host name (RFC 9525). From handshakes alone.</summary>
    WrongName,
}
