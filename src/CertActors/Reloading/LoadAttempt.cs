using CertActors.Watching;

namespace CertActors.Reloading;

/// <summary>One load, from its start to its end. The reference is its identity, also across restarts.</summary>
internal sealed class LoadAttempt
{
    private const long NotStarted = -1;

    private readonly DiskLane _lane;
    private long _endedBefore;
    private long _endedAtStart = NotStarted;
    private volatile bool _abandoned;

    public LoadAttempt(DiskLane lane, Func<LoadResult> load)
    {
        _lane = lane;
        _endedBefore = lane.Ended;
        Running = lane.Run(() =>
        {
            Interlocked.Exchange(ref _endedAtStart, lane.Ended);
            return load();
        });
    }

    public Task<LoadResult> Running { get; }

    public bool IsRunning => !Running.IsCompleted;

    /// <summary>Given up, and its thread not yet free.</summary>
    public bool IsStuck => _abandoned && IsRunning;

    /// <summary>Whether it has waited for its turn since this was asked last, in a lane that moved on.</summary>
    public bool WasMovingUp()
    {
        var start = Interlocked.Read(ref _endedAtStart);
        var ended = start == NotStarted ? _lane.Ended : start;
        var moved = ended != _endedBefore;
        _endedBefore = ended;
        return moved;
    }

    /// <summary>Nobody will take the result: whatever is loaded is disposed.</summary>
    public void Abandon()
    {
        _abandoned = true;
        Running.ContinueWith(
            static ended =>
            {
                if (ended is { IsCompletedSuccessfully: true, Result: LoadResult.Accepted(var pair) })
                    pair.Dispose();
                _ = ended.Exception; // Seen; nobody else will look.
            },
            CancellationToken.None,
            TaskContinuationOptions.ExecuteSynchronously,
            TaskScheduler.Default);
    }
}
