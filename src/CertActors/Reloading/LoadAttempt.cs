using CertActors.Watching;

namespace CertActors.Reloading;

/// <summary>One load, from its start to its end. The reference is its identity, also across restarts.</summary>
internal sealed class LoadAttempt
{
    private readonly DiskLane _lane;
    private long _endedBefore;
    private volatile bool _started;
    private volatile bool _abandoned;

    public LoadAttempt(DiskLane lane, Func<LoadResult> load)
    {
        _lane = lane;
        _endedBefore = lane.Ended;
        Running = lane.Run(() =>
        {
            _started = true;
            return load();
        });
    }

    public Task<LoadResult> Running { get; }

    public bool IsRunning => !Running.IsCompleted;

    /// <summary>Given up, and its thread not yet free.</summary>
    public bool IsStuck => _abandoned && IsRunning;

    /// <summary>Whether it still waits for its turn, in a lane that has moved on since this was asked last.</summary>
    public bool IsMovingUp()
    {
        var ended = _lane.Ended;
        var moved = ended != _endedBefore;
        _endedBefore = ended;
        return moved && !_started;
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
