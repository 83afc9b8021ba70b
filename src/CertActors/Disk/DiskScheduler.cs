using System.Runtime.CompilerServices;

namespace CertActors.Disk;

/// <summary>What is done on a disk.</summary>
internal enum DiskWork
{
    /// <summary>Looking at files, and watching them: short, and what starts the watch.</summary>
    Inspect,

    /// <summary>Reading and judging them.</summary>
    Load,

    /// <summary>
    /// Looking at the ends of many paths, wherever they lead by now: it may hang on a device that isn't the queue's, and so counts for no queue.
    /// </summary>
    Poll,
}

/// <summary>
/// Divides the disk's threads among device queues: one for each set of devices that paths lead over, so that a dead mount takes a few of the
/// threads, and leaves the rest to the pairs that have nothing to do with it.
/// </summary>
/// <remarks>
/// A call begins in the queue of the devices that its pair was last known to lie on. Before it accesses another one it's moved to the queue of
/// all of them: the table of mounts says which device a path lies on, without accessing it.
/// </remarks>
internal sealed class DiskScheduler(IFiles files, TaskScheduler threads)
{
    private const int MaxLoads = 2; // Of the others, one at a time.

    // A queue's first call may take any thread that is free; its further ones leave so many to other queues.
    private const int Reserve = DiskThreads.Count / 2;

    private readonly Lock _lock = new();
    private readonly Dictionary<Devices, DeviceQueue> _queues = [];

    // By reference.
    private readonly ConditionalWeakTable<CertificateOptions, Devices> _devices = [];
    private volatile MountTable? _mounts;
    private volatile MountTable _lastMounts = MountTable.Unknown;
    private int _mountChanges;
    private int _running;

    /// <summary>Runs a call that may block. It is begun anew when it's moved, and so mustn't mind being broken off.</summary>
    public DiskCall<T> Run<T>(Devices devices, DiskWork work, Func<DeviceBoundFiles, T> call)
    {
        var waiting = new DiskCall<T>(work, call);
        Queue(waiting, devices);
        return waiting;
    }

    /// <inheritdoc cref="Run{T}(Devices, DiskWork, Func{DeviceBoundFiles, T})"/>
    public DiskCall<T> Run<T>(CertificateOptions pair, DiskWork work, Func<DeviceBoundFiles, T> call) =>
        Run(_devices.TryGetValue(pair, out var devices) ? devices : Devices.None, work, call);

    public Devices DevicesOf(CertificateOptions pair) => _devices.TryGetValue(pair, out var devices) ? devices : Devices.None;

    /// <summary>Remembers the devices that the paths of a pair cross.</summary>
    public void Remember(CertificateOptions pair, Devices devices) => _devices.AddOrUpdate(pair, devices);

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
            if (!_queues.TryGetValue(devices, out var queue))
                _queues[devices] = queue = new DeviceQueue(devices);
            call.Queue = queue;
            queue.Waiting(call.Work).Enqueue(call);
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
            foreach (var queue in _queues.Values)
            {
                foreach (var work in (ReadOnlySpan<DiskWork>)[DiskWork.Inspect, DiskWork.Load, DiskWork.Poll])
                {
                    if (!MayStart(queue, work) || !queue.Waiting(work).TryDequeue(out var call))
                        continue;
                    queue.Running[(int)work]++;
                    _running++;
                    return call;
                }
            }

            return null;
        }
    }

    private bool MayStart(DeviceQueue queue, DiskWork work)
    {
        var free = DiskThreads.Count - _running;
        return work != DiskWork.Poll && queue.IsIdle ? free > 0 : free > Reserve && queue.Running[(int)work] < (work == DiskWork.Load ? MaxLoads : 1);
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
        var queue = call.Queue;
        var elsewhere = call.Run(new DeviceBoundFiles(files, Mounts(), queue.Devices));
        lock (_lock)
        {
            _running--;
            queue.Running[(int)call.Work]--;
            queue.Ended[(int)call.Work]++;
            if (queue.IsEmpty)
                _queues.Remove(queue.Devices);
        }

        if (elsewhere is not null)
            Queue(call, elsewhere);
        else
            call.Complete();
        StartWhatMay();
    }
}

/// <summary>What waits for, and runs on, a set of devices. Guarded by the lock of its <see cref="DiskScheduler"/>, but for <see cref="Ended"/>.</summary>
internal sealed class DeviceQueue(Devices devices)
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
