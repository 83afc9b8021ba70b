namespace CertActors;

/// <summary>
/// A load failed; what was served is still served: see the types that derive from this one. Reported once for each state of the files, however often
/// the load is tried again.
/// </summary>
/// <remarks>Subscribe to it on the event stream of the actor system to get all of them.</remarks>
public abstract record ReloadFailed
{
    private protected ReloadFailed()
    {
    }

    /// <summary>The name in the options of what was to be loaded.</summary>
    public required string Name { get; init; }

    /// <summary>Why the load failed.</summary>
    public required RejectionReason Reason { get; init; }

    /// <summary>The explanation for people: the path, the reason and the remedy. Never key material.</summary>
    public required string Message { get; init; }

    /// <summary>When the load failed, UTC.</summary>
    public required DateTimeOffset At { get; init; }
}
