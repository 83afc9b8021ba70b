namespace CertActors;

/// <summary>Why a load failed.</summary>
public enum RejectionReason
{
    /// <summary>A file, or a directory or symbolic link on the path to it, does not exist.</summary>
    FileMissing,

    /// <summary>A file exists and can't be read: permissions, not a regular file, too large, a loop of symbolic links, or an error of the disk.</summary>
    FileUnreadable,

    /// <summary>A file has no bytes.</summary>
    FileEmpty,

    /// <summary>The certificate file holds no certificate, or a truncated or damaged one.</summary>
    CertificateMalformed,

    /// <summary>The key file holds no private key, or a truncated or damaged one.</summary>
    KeyMalformed,

    /// <summary>The private key belongs to no certificate in the certificate file.</summary>
    KeyMismatch,

    /// <summary>The files kept changing while they were read.</summary>
    FilesChanging,

    /// <summary>The load took longer than <see cref="CertificateOptions.LoadTimeLimit"/>.</summary>
    TimedOut,

    /// <summary>A file holds a PEM block of a kind that isn't supported, such as <c>TRUSTED CERTIFICATE</c>.</summary>
    BlockUnsupported,

    /// <summary>The private key is of a kind, or encrypted in a way, that .NET can't use for TLS, such as Ed25519.</summary>
    KeyUnsupported,

    /// <summary>The private key or the PKCS#12 file is encrypted, and the password is wrong, missing or not UTF-8.</summary>
    PasswordWrong,

    /// <summary>The private key or the PKCS#12 file takes more than 1,000,000 iterations of key derivation to decrypt.</summary>
    KeyDerivationTooCostly,

    /// <summary>A certificate has an RSA key of less than 2048 bits, or is signed with SHA-1 or MD5.</summary>
    TooWeak,

    /// <summary>
    /// The leaf's extended key usage excludes <see cref="CertificateOptions.Purpose"/>; or an intermediate's does, or the leaf's allows any purpose
    /// without naming that one, and a better pair is served.
    /// </summary>
    PurposeExcluded,

    /// <summary>The leaf has expired, and a better pair is served, or <see cref="CertificateOptions.RequireValidFirst"/> is set.</summary>
    Expired,

    /// <summary>
    /// The leaf isn't valid yet, and a better pair is served, or <see cref="CertificateOptions.RequireValidFirst"/> is set. It is accepted once it is valid.
    /// </summary>
    NotYetValid,

    /// <summary>The leaf expires earlier than the one that is served, by more than <see cref="CertificateOptions.AllowedExpirySetback"/>.</summary>
    EarlierExpiry,

    /// <summary>The leaf lacks one of <see cref="CertificateOptions.RequiredNames"/> that the one that is served has.</summary>
    NameLost,

    /// <summary>
    /// The leaf's key usage (RFC 5280, 4.2.1.3) lacks <c>digitalSignature</c>, which TLS 1.3 requires (RFC 8446, 4.4.2.2), and a better pair is
    /// served. An ECDSA leaf for key agreement only is always rejected, as .NET can't serve it.
    /// </summary>
    KeyUsageExcluded,

    /// <summary>The leaf is a certificate authority whose key usage lacks <c>digitalSignature</c>, and a better pair is served.</summary>
    LeafIsAuthority,

    /// <summary>
    /// An intermediate has expired, and a better pair is served, or <see cref="CertificateOptions.RequireValidFirst"/> is set. Clients that have its
    /// issuer's key from elsewhere, such as from a root, may accept such a chain; others don't.
    /// </summary>
    IntermediateExpired,

    /// <summary>
    /// An intermediate isn't valid yet, and a better pair is served, or <see cref="CertificateOptions.RequireValidFirst"/> is set. The pair is accepted
    /// once it is valid.
    /// </summary>
    IntermediateNotYetValid,

    /// <summary>
    /// An intermediate has the name of an issuer, but not the key that signed, as the predecessor of a renewed authority has; and a better pair is served.
    /// </summary>
    IntermediateNotIssuer,

    /// <summary>
    /// An intermediate is no certificate authority by its basic constraints, or must not sign certificates by its key usage, and a better pair is served.
    /// </summary>
    IntermediateNotAuthority,

    /// <summary>More intermediates follow one than its basic constraints allow (RFC 5280, 4.2.1.9), and a better pair is served.</summary>
    PathTooLong,

    /// <summary>The chain is not trusted by the bundle of <see cref="CertificateOptions.MustChainTo"/>, or that bundle is not loaded yet.</summary>
    NotTrusted,

    /// <summary>
    /// A trust bundle contains a certificate that is not a certificate authority by its basic constraints or its key usage (RFC 5280, 4.2.1.9 and
    /// 4.2.1.3), and <see cref="TrustBundleOptions.AllowNonAuthorities"/> is not set. Certificates of version 1 have no basic constraints.
    /// </summary>
    NotAuthority,

    /// <summary>A file of a trust bundle contains no revocation list where one is expected, or a truncated or damaged one.</summary>
    RevocationListMalformed,

    /// <summary>
    /// A revocation list is a delta or an indirect list, or contains a critical extension that is not known, or is signed in a way that .NET can't verify,
    /// such as Ed25519.
    /// </summary>
    RevocationListUnsupported,

    /// <summary>No certificate authority of the trust bundle has signed the revocation list.</summary>
    RevocationListNotSigned,

    /// <summary>An <see cref="IRotationHook"/> has vetoed the swap.</summary>
    Vetoed,

    /// <summary>The leaf or an intermediate expires earlier than the check requires (<see cref="CertificateCheck"/>). A supervisor never rejects for it.</summary>
    ExpiresTooSoon,
}
