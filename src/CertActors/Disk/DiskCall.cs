namespace CertActors.Disk;

/// <summary>A call that may block, from the moment when it was asked for.</summary>
internal abstract class DiskCall(DiskWork work)
{
    private readonly Lock _lock = new();
    private DeviceQueue _queue = null!;
    private long _endedBefore;
    private bool _hasStarted;
    private bool _queueAdvanced;

    public DiskWork Work { get; } = work;

    /// <summary>Where it waits or runs.</summary>
    public DeviceQueue Queue
    {
        get
        {
            lock (_lock)
                return _queue;
        }

        set
        {
            lock (_lock)
                (_queue, _endedBefore, _hasStarted) = (value, EndedIn(value), false);
        }
    }

    /// <summary>Whether, since this was asked last, it has waited for its turn in a queue that moved on.</summary>
    public bool QueueAdvanced()
    {
        lock (_lock)
        {
            if (!_hasStarted)
                NoteAdvance();
            var moved = _queueAdvanced;
            _queueAdvanced = false;
            return moved;
        }
    }

    /// <returns>Where it is to be run instead; null if it has ended.</returns>
    public Devices? Run(DeviceBoundFiles files)
    {
        lock (_lock)
        {
            NoteAdvance();
            _hasStarted = true;
        }

        try
        {
            Call(files);
            return null;
        }
        catch (CrossDeviceException elsewhere)
        {
            return files.Allowed.With(elsewhere.Device);
        }
    }

    /// <summary>Tells those who wait for it that it has ended.</summary>
    public abstract void Complete();

    protected abstract void Call(DeviceBoundFiles files);

    private void NoteAdvance()
    {
        var ended = EndedIn(_queue);
        _queueAdvanced |= ended != _endedBefore;
        _endedBefore = ended;
    }

    private long EndedIn(DeviceQueue queue) => Volatile.Read(ref queue.Ended[(int)Work]);
}

/// <inheritdoc/>
internal sealed class DiskCall<T>(DiskWork work, Func<DeviceBoundFiles, T> call) : DiskCall(work)
{
    private Func<DeviceBoundFiles, T>? _call = call;
    private readonly TaskCompletionSource<T> _ended = new();
    private T _result = default!;
    private Exception? _failure;

    /// <summary>The call itself, wherever it is run.</summary>
    public Task<T> Running => _ended.Task;

    public override void Complete()
    {
        // It may hold a pair that is served no longer.
        _call = null;
        if (_failure is not null)
            _ended.SetException(_failure);
        else
            _ended.SetResult(_result);
    }

    protected override void Call(DeviceBoundFiles files)
    {
        try
        {
            _result = _call!(files);
        }
        catch (Exception failure) when (failure is not CrossDeviceException)
        {
            _failure = failure;
        }
    }
}
