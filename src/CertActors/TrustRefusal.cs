namespace CertActors;

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
