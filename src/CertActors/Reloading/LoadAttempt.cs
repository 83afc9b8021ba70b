using CertActors.Disk;
using CertActors.Reloading.Judging;


namespace CertActors.Reloading;

/// <summary>One load, from its start to its end. The reference is its identity, also across restarts.</summary>
internal sealed class LoadAttempt(DiskCall<LoadResult> call)
{
    private volatile bool _isGivenUp;

    /// <summary>Whether it has taken longer than it may.</summary>
    public bool IsGivenUp => _isGivenUp;

    public Task<LoadResult> Running => call.Running;

    public bool IsRunning => !Running.IsCompleted;

    /// <summary>Given up, and its thread not yet free.</summary>
    public bool IsStuck => _isGivenUp && IsRunning;

    /// <summary>Completes when the load has ended, however it has.</summary>
    /// <remarks>
    /// A task for each caller: several incarnations may wait for one load, and of several that await the same task .NET continues only one on the
    /// thread that completes it; the others would wait for the thread pool.
    /// </remarks>
    public Task WhenEnded() => Running.ContinueWith(
        static _ => { }, CancellationToken.None, TaskContinuationOptions.ExecuteSynchronously, TaskScheduler.Default);

    /// <inheritdoc cref="DiskCall.QueueAdvanced"/>
    public bool QueueAdvanced() => call.QueueAdvanced();

    /// <summary>It has taken longer than it may. Its result is taken all the same, should it ever end.</summary>
    public void GiveUp() => _isGivenUp = true;

    /// <summary>Nobody will take the result: whatever is loaded is disposed.</summary>
    public void Abandon() =>
        Running.ContinueWith(
            static ended =>
            {
                if (ended is { IsCompletedSuccessfully: true, Result.Verdict: Verdict.Accepted accepted })
                    accepted.Pair.Dispose();
                _ = ended.Exception; // Seen; nobody else will look.
            },
            CancellationToken.None,
            TaskContinuationOptions.ExecuteSynchronously,
            TaskScheduler.Default);
}
