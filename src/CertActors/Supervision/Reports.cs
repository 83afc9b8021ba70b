using CertActors.Diagnostics;
using CertActors.Holding;
using CertActors.Reloading;
using CertActors.Watching;
using Microsoft.Extensions.Logging;

namespace CertActors.Supervision;

/// <summary>Stores what is reported in the supervisor's state, and announces what is new. Reports of what was removed are ignored.</summary>
internal sealed class Reports(SupervisorState state, Announcer announcer, ILogger log)
{
    /// <summary>A swap. It may be reported again, by another incarnation of the supervisor.</summary>
    public void Add(GenerationChanged change)
    {
        if (!state.TryFind(change.Name, out var known) || !IsNew(known, change))
            return;

        state.Replace(known.With(change));
        announcer.Announce(change);
    }

    public void Add(Judged judged, DateTimeOffset now)
    {
        Record(judged);
        if (!state.TryFind(judged.Name, out var known))
            return;
        if (judged.Failure is { } failure)
            AddRejected(known, failure, judged.IsRepeated);
        else if (judged.Change is { } change)
            AddChanged(known with { IsChecked = true, LastCheck = now }, change);
        else
            AddUnchanged(known with { IsChecked = true, LastCheck = now });

        foreach (var warning in judged.Warnings)
            log.Warned(judged.Name, warning);
    }

    /// <summary>Polls have found files unchanged: what is served, unless the last load failed or never ends.</summary>
    public void Add(FilesUnchanged unchanged, DateTimeOffset now)
    {
        foreach (var name in unchanged.Names)
        {
            if (state.TryFind(name, out var known) && known is { IsChecked: true, CurrentFailure: null, StuckSince: null })
                state.Replace(known with { LastCheck = now });
        }
    }

    public void Add(LoadStuck stuck)
    {
        if (state.TryFind(stuck.Name, out var known))
            state.Replace(known with { StuckSince = stuck.Since });
    }

    /// <summary>Forgets which loads are stuck. The actors report those that still are when they start.</summary>
    public void ForgetStuck()
    {
        foreach (var known in state.All.Where(known => known.StuckSince is not null).ToArray())
            state.Replace(known with { StuckSince = null });
    }

    /// <summary>Follows a default pair of an earlier supervisor that is served until the next is loaded, and has been removed.</summary>
    public void AddLeaving(DateTimeOffset now)
    {
        if (state.Holder.CountsConnections && state.Holder.RemovedDefault() is { } leaving && state.Snapshot.DrainingOf(leaving.Name).Count == 0)
            AddRemoved(leaving.Name, [leaving.Use], now);
    }

    public void Add(FilesWatched watched, DateTimeOffset now)
    {
        if (!state.TryFind(watched.Name, out var known) || known.WatchMode?.Mode == watched.Mode)
            return;

        var change = new WatchModeChanged { Name = known.Name, Mode = watched.Mode, Message = watched.Message, At = now };
        state.Replace(known with { WatchMode = change });
        announcer.Announce(change);
    }

    /// <summary>Reports the swap and the drains of what the supervisor has, or has again, if they were not reported when they happened.</summary>
    public void AddMissed(ReloadableState known, DateTimeOffset now)
    {
        if (known.ServedIn(state.Holder) is { } change)
            Add(change);
        if (known is PairState)
            CheckDrained(known.Name, now);
    }

    /// <summary>Follows the generations of a pair that was removed until they have drained.</summary>
    public void AddRemoved(string name, IReadOnlyList<GenerationUse> generations, DateTimeOffset now)
    {
        state.Snapshot.SetDraining(name, [.. state.Snapshot.DrainingOf(name), .. generations]);
        CheckDrained(name, now);
    }

    /// <summary>Announces the generations of a pair that have drained. A swap is announced first.</summary>
    /// <param name="name">The pair's name; that of a pair which only another supervisor has is ignored.</param>
    /// <param name="now">The time.</param>
    public void CheckDrained(string name, DateTimeOffset now)
    {
        if (state.Snapshot.DrainingOf(name) is { Count: > 0 } removed)
            state.Snapshot.SetDraining(name, [.. removed.Where(generation => !TryDrain(name, generation, now))]);
        if (!state.TryFind(name, out var known))
            return;
        var served = known.LastChange?.Generation;
        foreach (var generation in state.Holder.SupersededOf(name).Where(generation => generation.Generation < served))
            TryDrain(name, generation, now);
    }

    private bool TryDrain(string name, GenerationUse generation, DateTimeOffset now)
    {
        if (!generation.TryDrain())
            return generation.IsOver;
        announcer.Announce(new GenerationDrained
        {
            Name = name,
            Generation = generation.Generation,
            SupersededAt = generation.SupersededAt,
            At = now,
        });
        return true;
    }

    /// <summary>
    /// Two pairs have a name. The same conflict may be reported again, when the holder is claimed again, or a pair has the name again. One with a pair that
    /// is being removed, as when a pair gets another name, is none.
    /// </summary>
    public void Add(NameConflict conflict)
    {
        if (!state.TryFind(conflict.First, out _) || !state.TryFind(conflict.Other, out _))
            return;
        state.NameConflicts.Remove(conflict with { First = conflict.Other, Other = conflict.First });
        if (state.NameConflicts.Add(conflict))
            log.NameConflict(conflict.Other, conflict.ServerName, conflict.First);
    }

    public void CheckExpiry(DateTimeOffset now)
    {
        // By index, as a report replaces the state of its pair.
        var all = state.All;
        for (var i = 0; i < all.Count; i++)
        {
            var known = all[i];
            if (known is BundleState bundle)
                CheckExpiry(bundle, now);
            else if (known is PairState pair)
                CheckExpiry(pair, now);
        }
    }

    private void CheckExpiry(PairState pair, DateTimeOffset now)
    {
        var (leaf, chain) = (ExpiryReport.Due(pair, now), ExpiryReport.DueOfChain(pair, now));
        if (leaf is null && chain is null)
            return;
        state.Replace(pair with { Expiry = leaf ?? pair.Expiry, ChainExpiry = chain ?? pair.ChainExpiry });
        if (chain is not null)
            announcer.Announce(chain.Announcement);
        if (leaf is not null)
            announcer.Announce(leaf.Announcement);
    }

    private void CheckExpiry(BundleState bundle, DateTimeOffset now)
    {
        BundleExpiryReport[] due = [.. BundleExpiryReport.Due(bundle, now)];
        if (due.Length == 0)
            return;
        state.Replace(bundle with { Expiries = bundle.Expiries.SetItems(due.Select(report => KeyValuePair.Create(report.Sha256, report))) });
        foreach (var report in due)
            announcer.Announce(report.Announcement);
    }

    private static bool IsNew(ReloadableState known, GenerationChanged change) => !(change.Generation <= known.LastChange?.Generation);

    private void Record(Judged judged)
    {
        if (judged.Duration is { } duration)
            state.Platform.Metrics.RecordLoad(duration, judged.Outcome);
        if (judged.Latency is { } latency)
            state.Platform.Metrics.RecordChange(latency);
    }

    // In one step, so that whoever reads the snapshot sees the swap whole.
    private void AddChanged(ReloadableState known, GenerationChanged change)
    {
        var next = known with { CurrentFailure = null, Loads = known.Loads with { Changed = known.Loads.Changed + 1 } };
        var isNew = IsNew(known, change);
        state.Replace(isNew ? next.With(change) : next);
        if (isNew)
            announcer.Announce(change);
    }

    private void AddUnchanged(ReloadableState known)
    {
        if (known.CurrentFailure is not null)
            log.Recovered(known.Name);
        state.Replace(known with { CurrentFailure = null, Loads = known.Loads with { Unchanged = known.Loads.Unchanged + 1 } });
    }

    private void AddRejected(ReloadableState known, ReloadFailed failure, bool isRepeated)
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
            Rejections = known.Rejections.SetItem(failure.Reason, known.Rejections.GetValueOrDefault(failure.Reason) + 1),
        });
        if (isNew)
            announcer.Announce(failure);
    }
}
