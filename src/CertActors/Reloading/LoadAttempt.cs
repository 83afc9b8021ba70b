using CertActors.Diagnostics;
using CertActors.Disk;
using CertActors.Reloading.Judging;

namespace CertActors.Reloading;

/// <summary>One load, from its start to its end. The reference is its identity, also across restarts of the actor.</summary>
/// <param name="call">The call that runs it.</param>
/// <param name="startedAt">When it was started.</param>
/// <param name="trace">Its trace; null if nobody listens.</param>
internal sealed class LoadAttempt(DiskCall<LoadResult> call, DateTimeOffset startedAt, ReloadTrace? trace)
{
    private long _advances;

    public DateTimeOffset StartedAt => startedAt;

    public ReloadTrace? Trace => trace;

    public Task<LoadResult> Running => call.Running;

    public bool IsRunning => !Running.IsCompleted;

    /// <summary>Whether the load has exceeded its time limit. Its result is used nevertheless, if it ends.</summary>
    public bool IsGivenUp => GivenUpAt is not null;

    /// <summary>When it has exceeded it; null if it has not.</summary>
    public DateTimeOffset? GivenUpAt { get; private set; }

    public void GiveUp(DateTimeOffset now) => GivenUpAt = now;

    /// <summary>The time from its start to its end; 0 while it runs.</summary>
    public TimeSpan Duration { get; private set; }

    public void EndAt(DateTimeOffset now) => Duration = now - startedAt;

    /// <summary>Completes when the load has ended, whether it has succeeded or failed.</summary>
    /// <remarks>
    /// Each caller gets a task of its own. Several incarnations of the actor may wait for one load, and of several awaiters of one task, .NET continues
    /// only one on the thread that completes it; the others would wait for the thread pool.
    /// </remarks>
    public Task WhenEnded() => Running.ContinueWith(
        static _ => { }, CancellationToken.None, TaskContinuationOptions.ExecuteSynchronously, TaskScheduler.Default);

    /// <summary>Whether its turn has come nearer since the last call of this method.</summary>
    public bool HasAdvanced() => call.HasAdvancedSince(ref _advances);

    /// <summary>Nobody will use the result: what it has loaded is disposed of when the load ends.</summary>
    public void Abandon()
    {
        trace?.End("abandoned");
        Running.ContinueWith(
            static ended =>
            {
                if (ended is { IsCompletedSuccessfully: true, Result.Verdict: Verdict.Accepted accepted })
                    accepted.Loaded.Dispose();
                _ = ended.Exception; // Observed, as nobody awaits the task.
            },
            CancellationToken.None,
            TaskContinuationOptions.ExecuteSynchronously,
            TaskScheduler.Default);
    }
}
