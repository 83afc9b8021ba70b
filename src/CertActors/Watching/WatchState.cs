using CertActors.Disk;
using CertActors.Scheduling;

namespace CertActors.Watching;

/// <summary>How a <see cref="FileWatchActor"/> watches some files. Used by this actor only, on its own thread.</summary>
/// <param name="files">The files.</param>
/// <param name="share">Their place among all that are watched, above 0 and up to 1: the part of an interval after which they are polled first.</param>
internal sealed class WatchState(WatchedFiles files, double share)
{
    // Of the present inspection and poll, when they were last found waiting. A poll is shared by a group.
    private long _inspectionAdvances;
    private long _pollAdvances;

    public WatchedFiles Files { get; } = files;

    public double Share { get; } = share;

    public string Name => Files.Name;

    /// <summary>How changes are noticed; null until that is known.</summary>
    public WatchMode? Mode { get; set; }

    public TimeSpan PollInterval => Mode == WatchMode.Events ? Files.Timing.PollIntervalWithEvents : Files.Timing.PollIntervalWithoutEvents;

    /// <summary>When they are polled next, on the clock of the <see cref="PollSchedule"/>.</summary>
    public TimeSpan NextPoll { get; set; }

    /// <summary>The number of the plan of the next poll, in the same schedule.</summary>
    public long PollPlan { get; set; }

    /// <summary>The poll that they are part of; null while they are not polled.</summary>
    public DiskCall? Poll
    {
        get;
        set => (field, _pollAdvances) = (value, 0);
    }

    public bool IsPolling => Poll is not null;

    /// <summary>When a poll that found them unchanged was last reported, in UTC ticks; 0 if none was.</summary>
    public long ReportedUnchangedAt { get; set; }

    /// <summary>Why they are being inspected; null while they are not.</summary>
    public ReloadReason? Inspecting { get; set; }

    /// <summary>The inspection that runs or waits; null if there is none.</summary>
    public DiskCall? Inspection
    {
        get;
        set => (field, _inspectionAdvances) = (value, 0);
    }

    public bool IsInspecting => Inspecting is not null;

    /// <summary>Why they are to be inspected once more afterwards; null if they are not.</summary>
    public ReloadReason? InspectAgain { get; set; }

    /// <summary>The <see cref="PathInspection.Digest"/> of the last inspection; null also where the next one is to count as a change.</summary>
    public UInt128? LastDigest { get; set; }

    /// <summary>The delays between attempts to watch the paths; null while they are watched.</summary>
    public Backoff? WatchRetry { get; set; }

    /// <summary>Whether an inspection or a poll of them has not ended, and its turn has come no nearer since the last call of this method.</summary>
    public bool IsStalled() => IsStalled(Inspection, ref _inspectionAdvances) | IsStalled(Poll, ref _pollAdvances); // Both, as each remembers its answer.

    private static bool IsStalled(DiskCall? call, ref long advances) => call?.HasAdvancedSince(ref advances) == false;
}
