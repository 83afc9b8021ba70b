namespace CertActors.Disk;

/// <summary>What is done on a disk.</summary>
internal enum DiskWork
{
    /// <summary>Looking at files, and watching them: short, and what starts the watch.</summary>
    Look,

    /// <summary>Reading and judging them.</summary>
    Load,

    /// <summary>Looking at the ends of many ways, wherever they lead by now: it may hang on a disk that isn't the lane's, and so counts for no lane.</summary>
    Poll,
}

/// <summary>
/// Divides the disk's threads into lanes: one for each set of devices that ways lead over, so that a dead mount takes a few of the threads, and
/// leaves the rest to the pairs that have nothing to do with it.
/// </summary>
/// <remarks>
/// A call begins in the lane of the devices that its pair was last known to lie on. Before it touches another one it's moved to the lane of all of
/// them: which device a path lies on is told by the table of mounts, without touching it.
/// </remarks>
internal sealed class DiskLanes(IFiles files, TaskScheduler threads)
{
    private const int MostLoads = 2; // Of the others, one at a time.

    // A lane's first call may take any thread that is free; its further ones leave so many to other lanes.
    private const int Reserve = DiskThreads.Count / 2;

    private readonly Lock _lock = new();
    private readonly Dictionary<Devices, DiskLane> _lanes = [];
    private volatile MountTable? _mounts;
    private volatile MountTable _lastMounts = MountTable.Unknown;
    private int _mountChanges;
    private int _running;

    /// <summary>Runs a call that may block. It is begun anew when it's moved, and so mustn't mind being broken off.</summary>
    public DiskCall<T> Run<T>(Devices devices, DiskWork work, Func<LaneFiles, T> call)
    {
        var waiting = new DiskCall<T>(work, call);
        Queue(waiting, devices);
        return waiting;
    }

    /// <summary>The table of mounts may have changed.</summary>
    public void ForgetMounts()
    {
        lock (_lock)
        {
            _mountChanges++;
            _mounts = null;
        }
    }

    private void Queue(DiskCall call, Devices devices)
    {
        lock (_lock)
        {
            if (!_lanes.TryGetValue(devices, out var lane))
                _lanes[devices] = lane = new DiskLane(devices);
            call.Lane = lane;
            lane.Waiting(call.Work).Enqueue(call);
        }

        StartWhatMay();
    }

    private void StartWhatMay()
    {
        // Started outside the lock: a scheduler may run it at once, on this thread. The scheduler is hidden, so that those who await a call continue
        // on the thread that ends it: elsewhere .NET posts them to the thread pool, which may be busy.
        while (TakeNext() is { } next)
            Task.Factory.StartNew(() => Run(next), CancellationToken.None, TaskCreationOptions.DenyChildAttach | TaskCreationOptions.HideScheduler, threads);
    }

    private DiskCall? TakeNext()
    {
        lock (_lock)
        {
            foreach (var lane in _lanes.Values)
            {
                foreach (var work in (ReadOnlySpan<DiskWork>)[DiskWork.Look, DiskWork.Load, DiskWork.Poll])
                {
                    if (!MayStart(lane, work) || !lane.Waiting(work).TryDequeue(out var call))
                        continue;
                    lane.Running[(int)work]++;
                    _running++;
                    return call;
                }
            }

            return null;
        }
    }

    private bool MayStart(DiskLane lane, DiskWork work)
    {
        var free = DiskThreads.Count - _running;
        return work != DiskWork.Poll && lane.IsIdle ? free > 0 : free > Reserve && lane.Running[(int)work] < (work == DiskWork.Load ? MostLoads : 1);
    }

    private MountTable Mounts()
    {
        if (_mounts is { } known)
            return known;

        var changes = Volatile.Read(ref _mountChanges);
        MountTable read;
        try
        {
            read = files.ReadMounts();
        }
        catch (IOException)
        {
            // Out of descriptors, which may be over at the next call.
            return _lastMounts;
        }

        lock (_lock)
        {
            // What was mounted meanwhile may not be in it.
            if (changes == _mountChanges)
                _mounts = read;
        }

        _lastMounts = read;
        return read;
    }

    private void Run(DiskCall call)
    {
        var lane = call.Lane;
        var elsewhere = call.Run(new LaneFiles(files, Mounts(), lane.Devices));
        lock (_lock)
        {
            _running--;
            lane.Running[(int)call.Work]--;
            lane.Ended[(int)call.Work]++;
            if (lane.IsEmpty)
                _lanes.Remove(lane.Devices);
        }

        if (elsewhere is not null)
            Queue(call, elsewhere);
        else
            call.Tell();
        StartWhatMay();
    }
}

/// <summary>What waits for, and runs on, the devices of a lane. Guarded by the lock of its <see cref="DiskLanes"/>, but for <see cref="Ended"/>.</summary>
internal sealed class DiskLane(Devices devices)
{
    private readonly Queue<DiskCall>[] _waiting = [new(), new(), new()];

    public Devices Devices { get; } = devices;

    /// <summary>How many calls are under way, by kind of work.</summary>
    public int[] Running { get; } = new int[3];

    /// <summary>How many calls have ended, by kind of work. Read without the lock: what counts is whether it grows.</summary>
    public long[] Ended { get; } = new long[3];

    /// <summary>Whether nothing runs but polls.</summary>
    public bool IsIdle => Running is [0, 0, _];

    /// <summary>Whether nothing runs or waits.</summary>
    public bool IsEmpty => Running is [0, 0, 0] && _waiting is [{ Count: 0 }, { Count: 0 }, { Count: 0 }];

    public Queue<DiskCall> Waiting(DiskWork work) => _waiting[(int)work];
}
