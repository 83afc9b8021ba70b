using System.Collections.Immutable;
using CertActors.Disk;
using CertActors.Reloading;

namespace CertActors.Supervision;

/// <summary>What the supervisor knows of something that is watched, loaded, judged and published. Replaced whole.</summary>
internal abstract record ReloadableState(WatchedFiles Files)
{
    public string Name => Files.Name;

    /// <summary>Whether it is of the supervisor's options, which an <see cref="UpdateCertificates"/> replaces; false if a message has added it.</summary>
    public bool IsConfigured { get; init; }

    /// <summary>Whether the supervisor stops if a load fails while nothing is served: <see cref="CertificatesOptions.StopOnFailedFirstLoad"/>.</summary>
    public bool IsRequired { get; init; }

    /// <summary>The last swap that was announced.</summary>
    public GenerationChanged? LastChange { get; init; }

    /// <summary>Why the present files are rejected; null once a load was good.</summary>
    public ReloadFailed? CurrentFailure { get; init; }

    public LoadCounts Loads { get; init; } = new();

    /// <summary>How many loads were rejected, by the reason.</summary>
    public ImmutableDictionary<RejectionReason, long> Rejections { get; init; } = ImmutableDictionary<RejectionReason, long>.Empty;

    /// <summary>Whether a load of the files at the present paths was good: only then do polls that find them unchanged find what is served.</summary>
    public bool IsChecked { get; init; }

    /// <summary>When the files were last found to be what is served, by a load or a poll; null before the first swap.</summary>
    public DateTimeOffset? LastCheck { get; init; }

    /// <summary>The last watch mode that was announced.</summary>
    public WatchModeChanged? WatchMode { get; init; }

    /// <summary>Since when a load that was given up holds its thread; null while none does.</summary>
    public DateTimeOffset? StuckSince { get; init; }

    /// <summary>The state after a swap.</summary>
    public virtual ReloadableState With(GenerationChanged change) => this with { LastChange = change };

    /// <summary>The state without what is known of the loads of its last files.</summary>
    public ReloadableState WithoutLoads() => this with { IsChecked = false, CurrentFailure = null, StuckSince = null };

    /// <summary>The state with other options, of the same kind.</summary>
    public abstract ReloadableState WithOptions(Addition options);

    /// <summary>Whether it has these options.</summary>
    public abstract bool HasOptions(Addition options);

    /// <summary>The last swap in the holder, announced or not; null if there was none.</summary>
    public abstract GenerationChanged? ServedIn(CertificateHolder holder);

    /// <summary>What is loaded, and published in the cell that the holder has for it.</summary>
    public abstract IReloadable ReloadableIn(CertificateHolder holder);

    /// <summary>The same, in a cell that is added to the holder.</summary>
    public abstract IReloadable AddTo(CertificateHolder holder);

    /// <summary>The same, in a cell that takes the place of the one with the last options.</summary>
    public abstract IReloadable ReplaceIn(CertificateHolder holder);

    /// <summary>What a new subscriber must be sent to know the present state.</summary>
    public abstract IEnumerable<object> Announced { get; }
}
