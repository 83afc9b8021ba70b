namespace CertActors;

/// <summary>What has been loaded is served from now on: see the types that derive from this one.</summary>
/// <remarks>Subscribe to it on the event stream of the actor system to get all of them.</remarks>
public abstract record GenerationChanged : CertificateEvent
{
    private protected GenerationChanged()
    {
    }

    /// <summary>Grows by one with each swap; 1 is the first load.</summary>
    public required long Generation { get; init; }

    /// <summary>Why it was loaded.</summary>
    public required ReloadReason Reason { get; init; }
}
