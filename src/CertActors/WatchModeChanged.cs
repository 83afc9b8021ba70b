namespace CertActors;

/// <summary>Changes of a pair's files are noticed in another mode from now on.</summary>
public sealed record WatchModeChanged : CertificateEvent
{
    /// <summary>The mode from now on.</summary>
    public required WatchMode Mode { get; init; }

    /// <summary>The explanation for people.</summary>
    public required string Message { get; init; }
}

/// <summary>How changes of a pair's files are noticed.</summary>
public enum WatchMode
{
    /// <summary>By file events, backed up by a slow poll.</summary>
    Events,

    /// <summary>By polling only, because events aren't available.</summary>
    Polling,
}
