using CertActors.Diagnostics;
using CertActors.Reloading;
using CertActors.Watching;
using Microsoft.Extensions.Logging;

namespace CertActors.Supervision;

/// <summary>Stores what is reported in the supervisor's state, and announces what is new. Reports of pairs that were removed are ignored.</summary>
internal sealed class Reports(SupervisorState state, Announcer announcer, ILogger log)
{
    /// <summary>A swap. It may be reported again, by another incarnation of the supervisor.</summary>
    public void Add(GenerationChanged change)
    {
        if (!state.TryFind(change.Name, out var known) || change.Generation <= known.LastChange?.Generation)
            return;

        state.Replace(known with { LastChange = change });
        announcer.Announce(change);
    }

    public void Add(Judged judged)
    {
        if (!state.TryFind(judged.Name, out var known))
            return;
        if (judged.Failure is { } failure)
            AddRejected(known, failure, judged.IsRepeated);
        else if (judged.Change is { } change)
            AddChanged(known, change);
        else
            AddUnchanged(known);

        foreach (var warning in judged.Warnings)
            log.Warned(judged.Name, warning);
    }

    public void Add(LoadStuck stuck)
    {
        if (state.TryFind(stuck.Name, out var known))
            state.Replace(known with { IsLoadStuck = stuck.IsStuck });
    }

    public void Add(FilesWatched watched, DateTimeOffset now)
    {
        if (!state.TryFind(watched.Name, out var known) || known.WatchMode?.Mode == watched.Mode)
            return;

        var change = new WatchModeChanged { Name = known.Name, Mode = watched.Mode, Message = watched.Message, At = now };
        state.Replace(known with { WatchMode = change });
        announcer.Announce(change);
    }

    public void CheckExpiry(DateTimeOffset now)
    {
        foreach (var pair in state.Pairs.ToArray())
        {
            if (ExpiryReport.Due(pair, now) is not { } report)
                continue;
            state.Replace(pair with { Expiry = report });
            announcer.Announce(report.Announcement);
        }
    }

    private void AddChanged(PairState known, GenerationChanged change)
    {
        state.Replace(known with { CurrentFailure = null, Loads = known.Loads with { Changed = known.Loads.Changed + 1 } });
        Add(change);
    }

    private void AddUnchanged(PairState known)
    {
        if (known.CurrentFailure is not null)
            log.Recovered(known.Name);
        state.Replace(known with { CurrentFailure = null, Loads = known.Loads with { Unchanged = known.Loads.Unchanged + 1 } });
    }

    private void AddRejected(PairState known, ReloadFailed failure, bool isRepeated)
    {
        // Files that stay bad are loaded again and again, and announced once. A load that exceeds its time limit again, but succeeds each time in the
        // end, is no current failure: the status reports it as stuck.
        var current = known.CurrentFailure;
        var isNew = current is null ? !(isRepeated && failure.Reason == RejectionReason.TimedOut) : !isRepeated;

        // Of several failures that alternate, the status has the last.
        var isSame = current is null || (current.Reason, current.Message) == (failure.Reason, failure.Message);
        state.Replace(known with
        {
            CurrentFailure = isNew || !isSame ? failure : current,
            Loads = known.Loads with { Rejected = known.Loads.Rejected + 1 },
        });
        if (isNew)
            announcer.Announce(failure);
    }
}
