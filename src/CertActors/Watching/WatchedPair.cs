namespace CertActors.Watching;

/// <summary>What <see cref="FileWatchActor"/> knows of a pair.</summary>
/// <param name="pair">The pair.</param>
/// <param name="share">Its place among all, above 0 and up to 1: the part of an interval after which it's polled first.</param>
internal sealed class WatchedPair(CertificateOptions pair, double share)
{
    public CertificateOptions Options { get; } = pair;

    public double Share { get; } = share;

    public string Name => Options.Name;

    /// <summary>How its changes are noticed; null until that is known.</summary>
    public WatchMode? Mode { get; set; }

    /// <summary>When it's polled next, on the clock of the <see cref="PollSchedule"/>.</summary>
    public TimeSpan NextPoll { get; set; }

    /// <summary>Whether a poll of it is under way.</summary>
    public bool IsPolling { get; set; }

    /// <summary>Why it's being looked at; null while it isn't.</summary>
    public ReloadReason? Inspecting { get; set; }

    /// <summary>Why it's to be looked at once more afterwards; null if it isn't.</summary>
    public ReloadReason? InspectAgain { get; set; }

    public bool IsInspecting => Inspecting is not null;

    /// <summary>What the last look saw; null if it couldn't, or if the next one is to count as a change.</summary>
    public UInt128? LastDigest { get; set; }

    public TimeSpan PollInterval =>
        Mode == WatchMode.Events ? Options.PollIntervalWithEvents : Options.PollIntervalWithoutEvents;

    /// <summary>Whose its <see cref="Steps"/> are. Guarded, as they are, by the lock of those.</summary>
    public WatchTable? Watches { get; set; }

    /// <summary>What it is watched at.</summary>
    public WatchedStep[] Steps { get; set; } = [];
}
