namespace CertActors.Disk;

/// <summary>A call that may block, from the moment when it is requested.</summary>
/// <param name="files">The files whose paths it accesses.</param>
/// <param name="work">What it does.</param>
internal abstract class DiskCall(WatchedFiles files, DiskWork work)
{
    private readonly Lock _lock = new();
    private DeviceQueue _queue = null!;
    private long _endedBefore;
    private long _advances; // The calls that ended in the queues that it has left, while it waited there.
    private bool _hasStarted;

    public WatchedFiles Files { get; } = files;

    public DiskWork Work { get; } = work;

    /// <summary>The queue that it waits in or was started from.</summary>
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

    /// <summary>Whether its turn has come nearer since the asker's last call of this method: other calls have ended in the queue in which it waits.</summary>
    /// <param name="advances">What the asker keeps from call to call; 0 at first.</param>
    public bool HasAdvancedSince(ref long advances)
    {
        var last = advances;
        lock (_lock)
            advances = _advances + (_hasStarted ? 0 : EndedIn(_queue) - _endedBefore);
        return advances != last;
    }

    /// <returns>Null if it has ended; the devices that it needs if it must be started again in another queue.</returns>
    public Devices? Run(DeviceBoundFiles disk)
    {
        lock (_lock)
        {
            _advances += EndedIn(_queue) - _endedBefore;
            _hasStarted = true;
        }

        try
        {
            Call(disk);
            return null;
        }
        catch (CrossDeviceException elsewhere)
        {
            return disk.Allowed.With(elsewhere.Device);
        }
    }

    /// <summary>Completes the task of the call with its result or its exception.</summary>
    public abstract void Complete();

    protected abstract void Call(DeviceBoundFiles disk);

    private long EndedIn(DeviceQueue queue) => Volatile.Read(ref queue.Ended[(int)Work]);
}

/// <inheritdoc/>
internal sealed class DiskCall<T>(WatchedFiles files, DiskWork work, Func<DeviceBoundFiles, T> call) : DiskCall(files, work)
{
    private Func<DeviceBoundFiles, T>? _call = call;
    private readonly TaskCompletionSource<T> _ended = new();
    private T _result = default!;
    private Exception? _failure;

    /// <summary>The task of the call, in whichever queue it runs. Its continuations may run on the disk thread.</summary>
    public Task<T> Running => _ended.Task;

    public override void Complete()
    {
        // The delegate may hold a certificate that is no longer served.
        _call = null;
        if (_failure is not null)
            _ended.SetException(_failure);
        else
            _ended.SetResult(_result);
    }

    protected override void Call(DeviceBoundFiles disk)
    {
        try
        {
            _result = _call!(disk);
        }
        catch (Exception failure) when (failure is not CrossDeviceException)
        {
            _failure = failure;
        }
    }
}
