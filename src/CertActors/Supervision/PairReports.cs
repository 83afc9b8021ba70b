using CertActors.Diagnostics;
using CertActors.Reloading;
using CertActors.Watching;
using Microsoft.Extensions.Logging;

namespace CertActors.Supervision;

/// <summary>Stores what is reported about pairs in the supervisor's state, and announces what is new.</summary>
internal sealed class PairReports(SupervisorState state, Announcer announcer, ILogger log)
{
    /// <summary>A certificate was swapped in. The same swap may be reported again, by another incarnation of the supervisor.</summary>
    public void Add(CertificateChanged change)
    {
        var pair = state.Find(change.Name);
        if (change.Generation <= pair.LastChange?.Generation)
            return;

        state.Replace(pair with { LastChange = change });
        announcer.Announce(change);
    }

    public void Add(PairJudged judged)
    {
        var pair = state.Find(judged.Pair);
        if (judged.Failure is { } failure)
            AddRejected(pair, failure, judged.IsRepeated);
        else if (judged.Change is { } change)
            AddChanged(pair, change);
        else
            AddUnchanged(pair);

        foreach (var warning in judged.Warnings)
            log.Warned(pair.Name, warning);
    }

    public void Add(LoadStuck stuck) => state.Replace(state.Find(stuck.Pair) with { IsLoadStuck = stuck.IsStuck });

    public void Add(PairWatched watched, DateTimeOffset now)
    {
        var pair = state.Find(watched.Pair);
        if (pair.WatchMode?.Mode == watched.Mode)
            return;

        var change = new WatchModeChanged { Name = pair.Name, Mode = watched.Mode, Message = watched.Message, At = now };
        state.Replace(pair with { WatchMode = change });
        announcer.Announce(change);
    }

    public void CheckExpiry(DateTimeOffset now)
    {
        foreach (var pair in state.Pairs)
        {
            if (ExpiryReport.Due(pair, now) is not { } report)
                continue;
            state.Replace(pair with { Expiry = report });
            announcer.Announce(report.Announcement);
        }
    }

    private void AddChanged(PairState pair, CertificateChanged change)
    {
        state.Replace(pair with { CurrentFailure = null, Loads = pair.Loads with { Changed = pair.Loads.Changed + 1 } });
        Add(change);
    }

    private void AddUnchanged(PairState pair)
    {
        if (pair.CurrentFailure is not null)
            log.Recovered(pair.Name);
        state.Replace(pair with { CurrentFailure = null, Loads = pair.Loads with { Unchanged = pair.Loads.Unchanged + 1 } });
    }

    private void AddRejected(PairState pair, CertificateReloadFailed failure, bool isRepeated)
    {
        // Files that stay bad are loaded again and again, and announced once. A load that exceeds its time limit again, but succeeds each time in the
        // end, is no current failure: the status reports it as stuck.
        var known = pair.CurrentFailure;
        var isNew = known is null ? !(isRepeated && failure.Reason == RejectionReason.TimedOut) : !isRepeated;

        // Of several failures that alternate, the status has the last.
        var isSame = known is null || (known.Reason, known.Message) == (failure.Reason, failure.Message);
        state.Replace(pair with
        {
            CurrentFailure = isNew || !isSame ? failure : known,
            Loads = pair.Loads with { Rejected = pair.Loads.Rejected + 1 },
        });
        if (isNew)
            announcer.Announce(failure);
    }
}
