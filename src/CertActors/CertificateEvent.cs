namespace CertActors;

/// <summary>Something that has happened to a pair or a trust bundle, as subscribers are sent it: see the types that derive from this one.</summary>
/// <remarks>Subscribe to it on the event stream of the actor system to get all events of all supervisors.</remarks>
/// <example><code>system.EventStream.Subscribe(actor, typeof(CertificateEvent));</code></example>
public abstract record CertificateEvent
{
    private protected CertificateEvent()
    {
    }

    /// <summary>The name of the pair or the trust bundle in the options.</summary>
    public required string Name { get; init; }

    /// <summary>When it happened, UTC.</summary>
    public required DateTimeOffset At { get; init; }
}
