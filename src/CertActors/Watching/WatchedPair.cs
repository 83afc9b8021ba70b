namespace CertActors.Watching;

/// <summary>What <see cref="FileWatchActor"/> knows of a pair.</summary>
internal sealed class WatchedPair(CertificateOptions options)
{
    private HashSet<(string Directory, string Name)> _steps = [];

    public CertificateOptions Options { get; } = options;

    public string Name => Options.Name;

    /// <summary>How its changes are noticed; null until that is known.</summary>
    public WatchMode? Mode { get; set; }

    /// <summary>The source that watches it, or is to; null while it's given up.</summary>
    public IFileEventSource? Source { get; set; }

    /// <summary>When events are to be tried again.</summary>
    public Backoff Retry { get; } = new(TimeSpan.FromSeconds(1), TimeSpan.FromSeconds(60));

    /// <summary>Why it's being looked at; null while it isn't.</summary>
    public ReloadReason? Inspecting { get; set; }

    /// <summary>Why it's to be looked at once more afterwards; null if it isn't.</summary>
    public ReloadReason? InspectAgain { get; set; }

    public bool IsInspecting => Inspecting is not null;

    /// <summary>What the last look saw; null if it couldn't, or if the next one is to count as a change.</summary>
    public PairSnapshot? Seen { get; set; }

    public void See(PairSnapshot? snapshot)
    {
        Seen = snapshot;
        if (snapshot is not null)
            _steps = [.. snapshot.Hops.Select(hop => (hop.Directory, hop.Name))];
    }

    public bool IsConcernedBy(FileEvent happened) => happened.Name.Length == 0
        ? _steps.Any(step => step.Directory == happened.Directory)
        : _steps.Contains((happened.Directory, happened.Name));
}
