using Akka.Actor;

// Lists in messages are arrays, whatever their declared type: a serializer can't rebuild the type behind a collection expression.

namespace CertActors;

/// <summary>Why a pair was loaded.</summary>
public enum ReloadReason
{
    /// <summary>The supervisor, or the actor that had looked after the pair, started.</summary>
    Start,

    /// <summary>A file event touched the pair's path.</summary>
    FileChange,

    /// <summary>A poll saw that something on the pair's path had changed, or the pair is still rejected.</summary>
    Poll,

    /// <summary><see cref="ReloadNow"/>.</summary>
    Requested,

    /// <summary>The last load had failed.</summary>
    Retry,
}

/// <summary>Why a load failed.</summary>
public enum RejectionReason
{
    /// <summary>A file, or a directory or link on the way to it, isn't there.</summary>
    FileMissing,

    /// <summary>A file is there and can't be read: permissions, not a regular file, too large, links in a circle, or an error of the disk.</summary>
    FileUnreadable,

    /// <summary>A file has no bytes.</summary>
    FileEmpty,

    /// <summary>The certificate file holds no certificate, or a truncated or damaged one.</summary>
    CertificateMalformed,

    /// <summary>The key file holds no private key, or a truncated or damaged one.</summary>
    KeyMalformed,

    /// <summary>The private key is that of no certificate in the certificate file.</summary>
    KeyMismatch,

    /// <summary>The files went on changing while they were read.</summary>
    FilesChanging,

    /// <summary>The load took longer than <see cref="CertificateOptions.LoadTimeLimit"/>.</summary>
    TimedOut,

    /// <summary>A file holds a PEM block of a kind that isn't supported, such as <c>TRUSTED CERTIFICATE</c>.</summary>
    BlockUnsupported,

    /// <summary>The private key is of a kind, or encrypted in a way, that .NET can't use for TLS, such as Ed25519.</summary>
    KeyUnsupported,

    /// <summary>The private key or the PKCS#12 file is encrypted, and the password is wrong, missing or not UTF-8.</summary>
    PasswordWrong,

    /// <summary>To decrypt the private key or the PKCS#12 file would take more than 1,000,000 iterations of key derivation.</summary>
    KeyDerivationTooCostly,

    /// <summary>A certificate has an RSA key of less than 2048 bits, or is signed on SHA-1 or MD5.</summary>
    TooWeak,

    /// <summary>
    /// The leaf's extended key usage excludes <see cref="CertificateOptions.Purpose"/>; or an intermediate's does, or the leaf's allows any purpose
    /// without naming that one, and a better pair is served.
    /// </summary>
    PurposeExcluded,

    /// <summary>The leaf has expired, and a better one is served, or <see cref="CertificateOptions.RequireValidFirst"/> is set.</summary>
    Expired,

    /// <summary>The leaf isn't valid yet, and a better one is served, or <see cref="CertificateOptions.RequireValidFirst"/> is set. It's taken once it is.</summary>
    NotYetValid,

    /// <summary>The leaf expires earlier than the one that is served, by more than <see cref="CertificateOptions.AllowedExpirySetback"/>.</summary>
    EarlierExpiry,

    /// <summary>The leaf lacks one of <see cref="CertificateOptions.RequiredNames"/> that the one that is served has.</summary>
    NameLost,

    /// <summary>
    /// The leaf's key usage (RFC 5280, 4.2.1.3) lacks <c>digitalSignature</c>, which TLS 1.3 demands (RFC 8446, 4.4.2.2), and a better pair is
    /// served. An ECDSA leaf for key agreement alone is rejected in any case, as .NET can't serve it.
    /// </summary>
    KeyUsageExcluded,

    /// <summary>In the leaf's place is an authority whose key usage lacks <c>digitalSignature</c>, and a better pair is served.</summary>
    LeafIsAuthority,

    /// <summary>
    /// An intermediate has expired, and a better pair is served, or <see cref="CertificateOptions.RequireValidFirst"/> is set. Clients that have its
    /// issuer's key from elsewhere, as that of a root, may accept such a chain; others don't.
    /// </summary>
    IntermediateExpired,

    /// <summary>
    /// An intermediate isn't valid yet, and a better pair is served, or <see cref="CertificateOptions.RequireValidFirst"/> is set. The pair is taken
    /// once it is.
    /// </summary>
    IntermediateNotYetValid,

    /// <summary>An intermediate has the name of an issuer, and not the key that signed: the one before a renewed authority. A better pair is served.</summary>
    IntermediateNotIssuer,

    /// <summary>An intermediate is no authority by its basic constraints, or mustn't sign certificates by its key usage, and a better pair is served.</summary>
    IntermediateNotAuthority,

    /// <summary>More intermediates follow one than its basic constraints allow (RFC 5280, 4.2.1.9), and a better pair is served.</summary>
    PathTooLong,
}

/// <summary>How changes of a pair's files are noticed.</summary>
public enum WatchMode
{
    /// <summary>By file events, with a slow poll behind them.</summary>
    Events,

    /// <summary>By polling alone, because events aren't to be had.</summary>
    Polling,
}

/// <summary>A pair was swapped: the next handshake gets the current certificate.</summary>
/// <param name="Name">The pair's name.</param>
/// <param name="Generation">Grows by one with each swap; 1 is the first load.</param>
/// <param name="Previous">The leaf that was served before; null for the first load.</param>
/// <param name="Current">The leaf that is served from now on. Equal to <paramref name="Previous"/> when only the intermediates changed.</param>
/// <param name="Reason">Why the pair was loaded.</param>
/// <param name="At">When it was swapped, UTC.</param>
public sealed record CertificateChanged(
    string Name, long Generation, CertificateFacts? Previous, CertificateFacts Current, ReloadReason Reason, DateTimeOffset At);

/// <summary>A load failed; what was served is served still. Told once for each state of the files, however often the load is tried again.</summary>
/// <param name="Name">The pair's name.</param>
/// <param name="Reason">Why, for programs.</param>
/// <param name="Message">Why, for people: the path, the reason and the remedy. Never key material.</param>
/// <param name="StillServed">The leaf that is served still; null if the pair was never served.</param>
/// <param name="At">When the load failed, UTC.</param>
public sealed record CertificateReloadFailed(
    string Name, RejectionReason Reason, string Message, CertificateFacts? StillServed, DateTimeOffset At);

/// <summary>
/// What is served comes near the end of its validity, or has passed it: told once for each of <see cref="CertificateOptions.ExpiryThresholds"/> and
/// generation, and once at the end. Looked at with each poll.
/// </summary>
/// <param name="Name">The pair's name.</param>
/// <param name="Generation">The generation that is served.</param>
/// <param name="NotAfter">The end of its validity, UTC.</param>
/// <param name="Remaining">What remained of it; 0 or less once it has expired.</param>
/// <param name="At">When that was looked at, UTC.</param>
public sealed record CertificateExpiring(string Name, long Generation, DateTimeOffset NotAfter, TimeSpan Remaining, DateTimeOffset At);

/// <summary>Changes of a pair's files are noticed in another way from now on.</summary>
/// <param name="Name">The pair's name.</param>
/// <param name="Mode">The way.</param>
/// <param name="Message">Why, for people.</param>
/// <param name="At">When, UTC.</param>
public sealed record WatchModeChanged(string Name, WatchMode Mode, string Message, DateTimeOffset At);

/// <summary>
/// Asks the supervisor to tell an actor every <see cref="CertificateChanged"/>, <see cref="CertificateReloadFailed"/>,
/// <see cref="CertificateExpiring"/> and <see cref="WatchModeChanged"/>. The current state is told first. An actor that dies is forgotten; a second subscription replays, and adds nothing.
/// </summary>
/// <param name="Subscriber">The actor to tell.</param>
public sealed record SubscribeToCertificates(IActorRef Subscriber);

/// <summary>Ends a subscription. Without one, nothing happens.</summary>
/// <param name="Subscriber">The actor to tell no longer.</param>
public sealed record UnsubscribeFromCertificates(IActorRef Subscriber);

/// <summary>Asks the supervisor to load now, without waiting for an event; answered with <see cref="ReloadNowResult"/> when all is judged.</summary>
/// <param name="Name">The pair; null for all.</param>
public sealed record ReloadNow(string? Name = null);

/// <summary>What came of a <see cref="ReloadNow"/>.</summary>
/// <param name="Outcomes">One for each pair that was asked for, in no order.</param>
public sealed record ReloadNowResult(IReadOnlyList<ReloadOutcome> Outcomes);

/// <summary>What came of loading one pair.</summary>
/// <param name="Name">The pair's name, as it was asked for.</param>
/// <param name="Kind">What came of it.</param>
/// <param name="Generation">The generation that is served afterwards; 0 if none is.</param>
/// <param name="Failure">Why the load failed; null unless <paramref name="Kind"/> is <see cref="ReloadOutcomeKind.Failed"/>.</param>
public sealed record ReloadOutcome(string Name, ReloadOutcomeKind Kind, long Generation, CertificateReloadFailed? Failure);

/// <summary>What can come of loading a pair.</summary>
public enum ReloadOutcomeKind
{
    /// <summary>The pair was swapped.</summary>
    Changed,

    /// <summary>The chain and the key are those that are served.</summary>
    Unchanged,

    /// <summary>The load failed; what was served is served still.</summary>
    Failed,

    /// <summary>The supervisor has no pair of that name.</summary>
    UnknownName,
}

/// <summary>Asks the supervisor for the state of every pair; answered with <see cref="CertificateSupervisorStatus"/>.</summary>
public sealed record GetStatus
{
    /// <summary>One that serves every caller.</summary>
    public static GetStatus Instance { get; } = new();
}

/// <summary>The state of every pair, in the order of the options.</summary>
/// <param name="Certificates">One for each pair.</param>
public sealed record CertificateSupervisorStatus(IReadOnlyList<CertificateStatus> Certificates);

/// <summary>The state of a pair.</summary>
/// <param name="Name">The pair's name.</param>
/// <param name="LastChange">The last swap: what is served, since when and why; null before the first load.</param>
/// <param name="LastFailure">Why the files as they are now are rejected; null when the last load was good, or none has ended yet.</param>
/// <param name="WatchMode">How changes are noticed; <see cref="WatchMode.Polling"/> until events are known to be had.</param>
/// <param name="LoadStuck">Whether a load that was given up still holds its thread, so that the pair can't start another.</param>
/// <param name="Loads">What came of its loads until now.</param>
public sealed record CertificateStatus(
    string Name, CertificateChanged? LastChange, CertificateReloadFailed? LastFailure, WatchMode WatchMode, bool LoadStuck, LoadCounts Loads);

/// <summary>What came of the loads of a pair. Loads that are held back, as their files are still being replaced, aren't counted.</summary>
/// <param name="Changed">How many were swapped in.</param>
/// <param name="Unchanged">How many were the chain and the key that were served.</param>
/// <param name="Rejected">How many were rejected, repetitions included.</param>
public sealed record LoadCounts(long Changed, long Unchanged, long Rejected);
