namespace CertActors.Disk;

/// <summary>A call that may block, from the moment when it was asked for.</summary>
internal abstract class DiskCall(DiskWork work)
{
    private readonly Lock _lock = new();
    private DiskLane _lane = null!;
    private long _endedBefore;
    private bool _hasStarted;
    private bool _movedUp;

    public DiskWork Work { get; } = work;

    /// <summary>Where it waits or runs.</summary>
    public DiskLane Lane
    {
        get
        {
            lock (_lock)
                return _lane;
        }

        set
        {
            lock (_lock)
                (_lane, _endedBefore, _hasStarted) = (value, EndedIn(value), false);
        }
    }

    /// <summary>Whether, since this was asked last, it has waited for its turn in a lane that moved on.</summary>
    public bool WasMovingUp()
    {
        lock (_lock)
        {
            if (!_hasStarted)
                NoteMoves();
            var moved = _movedUp;
            _movedUp = false;
            return moved;
        }
    }

    /// <returns>Where it is to be run instead; null if it has ended.</returns>
    public Devices? Run(LaneFiles files)
    {
        lock (_lock)
        {
            NoteMoves();
            _hasStarted = true;
        }

        try
        {
            Call(files);
            return null;
        }
        catch (LeavesLaneException elsewhere)
        {
            return files.Allowed.With(elsewhere.Device);
        }
    }

    /// <summary>Tells those who wait for it that it has ended.</summary>
    public abstract void Tell();

    protected abstract void Call(LaneFiles files);

    private void NoteMoves()
    {
        var ended = EndedIn(_lane);
        _movedUp |= ended != _endedBefore;
        _endedBefore = ended;
    }

    private long EndedIn(DiskLane lane) => Volatile.Read(ref lane.Ended[(int)Work]);
}

/// <inheritdoc/>
internal sealed class DiskCall<T>(DiskWork work, Func<LaneFiles, T> call) : DiskCall(work)
{
    private Func<LaneFiles, T>? _call = call;
    private readonly TaskCompletionSource<T> _ended = new();
    private T _result = default!;
    private Exception? _failure;

    /// <summary>The call itself, wherever it is run.</summary>
    public Task<T> Running => _ended.Task;

    public override void Tell()
    {
        // It may hold a pair that is served no longer.
        _call = null;
        if (_failure is not null)
            _ended.SetException(_failure);
        else
            _ended.SetResult(_result);
    }

    protected override void Call(LaneFiles files)
    {
        try
        {
            _result = _call!(files);
        }
        catch (Exception failure) when (failure is not LeavesLaneException)
        {
            _failure = failure;
        }
    }
}
