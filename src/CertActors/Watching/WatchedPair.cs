using CertActors.Scheduling;

namespace CertActors.Watching;

/// <summary>What a <see cref="FileWatchActor"/> knows of a pair. Used by this actor only, on its own thread.</summary>
/// <param name="options">The pair.</param>
/// <param name="share">Its place among all pairs, above 0 and up to 1: the part of an interval after which it is polled first.</param>
internal sealed class WatchedPair(CertificateOptions options, double share)
{
    public CertificateOptions Options { get; } = options;

    public double Share { get; } = share;

    public string Name => Options.Name;

    /// <summary>How its changes are noticed; null until that is known.</summary>
    public WatchMode? Mode { get; set; }

    public TimeSpan PollInterval => Mode == WatchMode.Events ? Options.PollIntervalWithEvents : Options.PollIntervalWithoutEvents;

    /// <summary>When it is polled next, on the clock of the <see cref="PollSchedule"/>.</summary>
    public TimeSpan NextPoll { get; set; }

    public bool IsPolling { get; set; }

    /// <summary>Why it is being inspected; null while it is not.</summary>
    public ReloadReason? Inspecting { get; set; }

    public bool IsInspecting => Inspecting is not null;

    /// <summary>Why it is to be inspected once more afterwards; null if it is not.</summary>
    public ReloadReason? InspectAgain { get; set; }

    /// <summary>The <see cref="PathInspection.Digest"/> of the last inspection; null also where the next one is to count as a change.</summary>
    public UInt128? LastDigest { get; set; }

    /// <summary>The delays between attempts to watch its paths; null while they are watched.</summary>
    public Backoff? WatchRetry { get; set; }
}
