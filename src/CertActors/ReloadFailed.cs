namespace CertActors;

/// <summary>
/// A load failed; what was served is still served: see the types that derive from this one. Reported once for each state of the files, however often
/// the load is tried again.
/// </summary>
/// <remarks>Subscribe to it on the event stream of the actor system to get all of them.</remarks>
public abstract record ReloadFailed : CertificateEvent
{
    private protected ReloadFailed()
    {
    }

    /// <summary>Why the load failed.</summary>
    public required RejectionReason Reason { get; init; }

    /// <summary>The explanation for people: the path, the reason and the remedy. Never key material.</summary>
    public required string Message { get; init; }
}
