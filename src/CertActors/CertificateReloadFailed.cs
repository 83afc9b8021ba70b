namespace CertActors;

/// <summary>
/// A load failed; what was served is still served. Reported once for each state of the files, however often the load is tried again.
/// </summary>
public sealed record CertificateReloadFailed
{
    /// <summary>The pair's name.</summary>
    public required string Name { get; init; }

    /// <summary>Why the load failed.</summary>
    public required RejectionReason Reason { get; init; }

    /// <summary>The explanation for people: the path, the reason and the remedy. Never key material.</summary>
    public required string Message { get; init; }

    /// <summary>The leaf that is still served; null if the pair has never been served.</summary>
    public required CertificateFacts? StillServed { get; init; }

    /// <summary>When the load failed, UTC.</summary>
    public required DateTimeOffset At { get; init; }
}
