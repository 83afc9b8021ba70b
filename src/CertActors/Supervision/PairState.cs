namespace CertActors.Supervision;

/// <summary>What the supervisor knows of a pair. Replaced whole.</summary>
internal sealed record PairState(CertificateOptions Options)
{
    public string Name => Options.Name;

    /// <summary>The last swap that was announced.</summary>
    public CertificateChanged? LastChange { get; init; }

    /// <summary>Why the present files are rejected; null once a load was good.</summary>
    public CertificateReloadFailed? CurrentFailure { get; init; }

    /// <summary>The last report of an expiry, of whichever generation.</summary>
    public ExpiryReport? Expiry { get; init; }

    public LoadCounts Loads { get; init; } = new();

    /// <summary>The last watch mode that was announced.</summary>
    public WatchModeChanged? WatchMode { get; init; }

    public bool IsLoadStuck { get; init; }

    public CertificateStatus Status => new()
    {
        Name = Name,
        LastChange = LastChange,
        LastFailure = CurrentFailure,
        WatchMode = WatchMode?.Mode ?? CertActors.WatchMode.Polling,
        LoadStuck = IsLoadStuck,
        Loads = Loads,
    };

    /// <summary>What a new subscriber must be sent to know the present state.</summary>
    public IEnumerable<object> Announced
    {
        get
        {
            var expiring = Expiry?.Announcement is { } last && last.Generation == LastChange?.Generation ? last : null;
            return ((IEnumerable<object?>)[WatchMode, LastChange, expiring, CurrentFailure]).OfType<object>();
        }
    }
}
