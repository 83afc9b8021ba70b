using CertActors.Diagnostics;

namespace CertActors;

/// <summary>Asks the supervisor for the state of every pair and trust bundle; answered with <see cref="CertificateSupervisorStatus"/>.</summary>
public sealed record GetStatus
{
    /// <summary>A shared instance.</summary>
    public static GetStatus Instance { get; } = new();
}

/// <summary>The state of every pair and trust bundle.</summary>
public sealed record CertificateSupervisorStatus
{
    /// <summary>One for each trust bundle, in the order of the options. Compares by value.</summary>
    public IReadOnlyList<TrustBundleStatus> TrustBundles
    {
        get;
        init => field = ValueList.Of(value);
    } = ValueList.Of<TrustBundleStatus>([]);

    /// <summary>One for each pair, in the order of the options. Compares by value.</summary>
    public required IReadOnlyList<CertificateStatus> Certificates
    {
        get;
        init => field = ValueList.Of(value);
    }

    /// <summary>
    /// One for each pair that was removed and is still in use, by name. Whether connections of it are open is only known where they are counted
    /// (<see cref="ServingCertificate.BeginConnection"/>). Compares by value.
    /// </summary>
    public IReadOnlyList<RemovedCertificateStatus> Removed
    {
        get;
        init => field = ValueList.Of(value);
    } = ValueList.Of<RemovedCertificateStatus>([]);

    /// <summary>
    /// The last events (<see cref="CertificateEvent"/>) of all pairs and trust bundles, 100 at most, the newest last. They survive restarts of the
    /// supervisor by its parent. Compares by value.
    /// </summary>
    public IReadOnlyList<CertificateEvent> Recent
    {
        get;
        init => field = ValueList.Of(value);
    } = ValueList.Of<CertificateEvent>([]);
}

/// <summary>The state of a pair.</summary>
public sealed record CertificateStatus
{
    /// <summary>The pair's name.</summary>
    public required string Name { get; init; }

    /// <summary>The last swap: what is served, since when and why; null before the first load.</summary>
    public CertificateChanged? LastChange { get; init; }

    /// <summary>Why the present files are rejected; null if the last load was good, or none has ended yet.</summary>
    public CertificateReloadFailed? LastFailure { get; init; }

    /// <summary>How changes are noticed; <see cref="WatchMode.Polling"/> until events are known to be available.</summary>
    public required WatchMode WatchMode { get; init; }

    /// <summary>Since when, UTC; null until it is known whether events are available.</summary>
    public DateTimeOffset? WatchModeSince { get; init; }

    /// <summary>Why changes are noticed so, for people; null until it is known whether events are available.</summary>
    public string? WatchModeMessage { get; init; }

    /// <summary>Whether a load that was given up still occupies its thread, so that the pair can't start another.</summary>
    public required bool LoadStuck { get; init; }

    /// <summary>Since when, UTC; null while none does.</summary>
    public DateTimeOffset? LoadStuckSince { get; init; }

    /// <summary>The outcomes of its loads so far.</summary>
    public required LoadCounts Loads { get; init; }

    /// <summary>
    /// When its files were last found to be what is served, by a load or a poll; null before the first swap. While nothing is wrong it is at most a minute
    /// and a poll interval old.
    /// </summary>
    public DateTimeOffset? LastCheck { get; init; }

    /// <summary>
    /// The open connections: of superseded generations that have any, and of the one that is served, in the order of the generations. Empty before the
    /// first load, and while no connections are counted (<see cref="ServingCertificate.BeginConnection"/>). Compares by value.
    /// </summary>
    public IReadOnlyList<GenerationConnections> Connections
    {
        get;
        init => field = ValueList.Of(value);
    } = ValueList.Of<GenerationConnections>([]);
}

/// <summary>
/// What is left of a pair that was removed: connections are open, or its certificate is still the default. A pair that was added later under its name is
/// another one.
/// </summary>
public sealed record RemovedCertificateStatus
{
    /// <summary>The pair's name.</summary>
    public required string Name { get; init; }

    /// <summary>The last swap, while its certificate is served as the default until the next default is loaded; null if it is not served any more.</summary>
    public CertificateChanged? Served { get; init; }

    /// <summary>The open connections of each generation that has any, or is served, in the order of the generations. Compares by value.</summary>
    public IReadOnlyList<GenerationConnections> Connections
    {
        get;
        init => field = ValueList.Of(value);
    } = ValueList.Of<GenerationConnections>([]);
}

/// <summary>The state of a trust bundle.</summary>
public sealed record TrustBundleStatus
{
    /// <summary>The bundle's name.</summary>
    public required string Name { get; init; }

    /// <summary>The last swap: what is served, since when and why; null before the first load.</summary>
    public TrustBundleChanged? LastChange { get; init; }

    /// <summary>Why the present files are rejected; null if the last load was good, or none has ended yet.</summary>
    public TrustBundleReloadFailed? LastFailure { get; init; }

    /// <inheritdoc cref="CertificateStatus.WatchMode"/>
    public required WatchMode WatchMode { get; init; }

    /// <inheritdoc cref="CertificateStatus.WatchModeSince"/>
    public DateTimeOffset? WatchModeSince { get; init; }

    /// <inheritdoc cref="CertificateStatus.WatchModeMessage"/>
    public string? WatchModeMessage { get; init; }

    /// <summary>Whether a load that was given up still occupies its thread, so that the bundle can't start another.</summary>
    public required bool LoadStuck { get; init; }

    /// <inheritdoc cref="CertificateStatus.LoadStuckSince"/>
    public DateTimeOffset? LoadStuckSince { get; init; }

    /// <inheritdoc cref="CertificateStatus.Loads"/>
    public required LoadCounts Loads { get; init; }

    /// <inheritdoc cref="CertificateStatus.LastCheck"/>
    public DateTimeOffset? LastCheck { get; init; }

    /// <summary>
    /// The peers that were accepted in handshakes, for each certificate of the bundle, in its order: a certificate that no peer needs may be removed.
    /// Compares by value.
    /// </summary>
    public IReadOnlyList<AcceptedPeers> Accepted
    {
        get;
        init => field = ValueList.Of(value);
    } = ValueList.Of<AcceptedPeers>([]);

    /// <summary>
    /// The peers that were refused in handshakes, for each reason that has occurred, since the holder has had the bundle. Compares by value.
    /// </summary>
    public IReadOnlyList<TrustRefusalCount> Refused
    {
        get;
        init => field = ValueList.Of(value);
    } = ValueList.Of<TrustRefusalCount>([]);
}

/// <summary>How many peers were refused for one reason.</summary>
public sealed record TrustRefusalCount
{
    /// <summary>The reason.</summary>
    public required TrustRefusal Refusal { get; init; }

    /// <summary>How many.</summary>
    public required long Count { get; init; }
}

/// <summary>How loads have ended, or were given up: one that is accepted after its time limit counts twice. A load that is held, because its rotation looks half finished, isn't counted.</summary>
public sealed record LoadCounts
{
    /// <summary>How many were swapped in.</summary>
    public long Changed { get; init; }

    /// <summary>How many had the chain and the key that were served.</summary>
    public long Unchanged { get; init; }

    /// <summary>How many were rejected, repetitions included.</summary>
    public long Rejected { get; init; }
}
