using System.Runtime.CompilerServices;

namespace CertActors.Disk;

/// <summary>What a call does on a disk, in the order in which waiting calls are started.</summary>
internal enum DiskWork
{
    /// <summary>Inspecting paths and watching their steps: short, and events depend on it.</summary>
    Inspect,

    /// <summary>Reading and judging the files.</summary>
    Load,

    /// <summary>
    /// Comparing the targets of many paths. A target may be on a device outside of the queue's set, so that a poll may hang there. A queue that runs
    /// only polls counts as idle.
    /// </summary>
    Poll,
}

/// <summary>
/// Divides the disk threads among device queues, one for each set of devices that the paths of files cross: a bulkhead. A dead mount takes a few of
/// the threads; the others remain for the files that do not depend on it.
/// </summary>
/// <remarks>
/// A call starts in the queue of the devices that the last call for its files accessed; for the first call, those that the table of mounts gives for
/// the configured paths. Before it accesses another device it moves to the queue of all of them: the table of mounts gives the device of a path
/// without an access to the path.
/// </remarks>
internal sealed class DiskScheduler(IFiles disk, TaskScheduler threads)
{
    // Other work runs one call at a time in each queue.
    private const int MaxLoads = 2;

    // The first call of a queue may take any free thread. Further calls leave this many to other queues.
    private const int Reserve = DiskThreads.Count / 2;

    private readonly Lock _lock = new();
    private readonly Dictionary<Devices, DeviceQueue> _queues = [];

    // An entry goes when its files do.
    private readonly ConditionalWeakTable<WatchedFiles, Devices> _devicesAccessed = [];
    private volatile MountTable? _mounts;
    private volatile MountTable _lastMounts = MountTable.Unknown;
    private int _mountChanges;
    private int _running;

    /// <summary>Runs a call that may block. It starts again from the beginning when it moves to another queue, so it must tolerate being aborted.</summary>
    public DiskCall<T> Run<T>(WatchedFiles files, DiskWork work, Func<DeviceBoundFiles, T> call)
    {
        var waiting = new DiskCall<T>(files, work, call);
        Queue(waiting, DevicesOf(files));
        StartOnOtherThreads();
        return waiting;
    }

    /// <summary>Groups files by the devices that their paths cross: a call for one of a group is in the right queue for all of it.</summary>
    public IEnumerable<T[]> GroupByDevices<T>(IEnumerable<T> all, Func<T, WatchedFiles> filesOf) =>
        all.GroupBy(one => DevicesOf(filesOf(one)), (_, group) => group.ToArray());

    /// <summary>Reads the table of mounts again before the next call, as it may have changed.</summary>
    public void ForgetMounts()
    {
        lock (_lock)
        {
            _mountChanges++;
            _mounts = null;
        }
    }

    // None while the table of mounts has not been read, which is done on a disk thread only. The last call may have ended before it accessed all
    // paths, so that the devices that these cross by name count, too.
    private Devices DevicesOf(WatchedFiles files)
    {
        var accessed = _devicesAccessed.TryGetValue(files, out var known) ? known : Devices.None;
        return _mounts is { } mounts ? AddDevicesOf(files, mounts, accessed) : accessed;
    }

    private static Devices AddDevicesOf(WatchedFiles files, MountTable mounts, Devices devices)
    {
        foreach (var path in files.Paths)
            devices = mounts.AddDevicesAlong(path, devices);
        return devices;
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
    }

    private void StartOnOtherThreads()
    {
        // Outside the lock: a scheduler may run the task at once, on this thread. HideScheduler lets continuations of a call run on the thread that
        // completes it: under a custom scheduler, .NET posts them to the thread pool, which may be busy.
        while (TakeNext() is { } next)
        {
            Task.Factory.StartNew(
                () => RunFrom(next), CancellationToken.None, TaskCreationOptions.DenyChildAttach | TaskCreationOptions.HideScheduler, threads);
        }
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

    private void RunFrom(DiskCall first)
    {
        // This thread takes the next call itself: to wake another one for it costs as much as a short call.
        for (DiskCall? call = first, next; call is not null; call = next)
        {
            Run(call);
            next = TakeNext();
            StartOnOtherThreads();
        }
    }

    private void Run(DiskCall call)
    {
        var queue = call.Queue;
        var mounts = Mounts();
        var bound = new DeviceBoundFiles(disk, mounts, queue.Devices);
        var elsewhere = queue.Devices == Devices.None ? AddDevicesOf(call.Files, mounts, Devices.None) : call.Run(bound);
        lock (_lock)
        {
            _running--;
            queue.Running[(int)call.Work]--;
            queue.Ended[(int)call.Work]++;
            if (queue.IsEmpty)
                _queues.Remove(queue.Devices);
        }

        if (elsewhere is not null)
        {
            Queue(call, elsewhere);
            return;
        }

        // A poll follows links unchecked, and for many files.
        if (call.Work != DiskWork.Poll)
            Remember(call.Files, bound.DevicesAccessed);
        call.Complete();
    }

    private void Remember(WatchedFiles files, Devices accessed)
    {
        if (!_devicesAccessed.TryGetValue(files, out var known) || !known.Equals(accessed))
            _devicesAccessed.AddOrUpdate(files, accessed);
    }

    private MountTable Mounts()
    {
        if (_mounts is { } known)
            return known;

        var changes = Volatile.Read(ref _mountChanges);
        MountTable read;
        try
        {
            read = disk.ReadMounts();
        }
        catch (IOException)
        {
            // Out of descriptors, possibly no longer at the next call.
            return _lastMounts;
        }

        lock (_lock)
        {
            // What was mounted while it was read may be missing from it.
            if (changes == _mountChanges)
                _mounts = read;
        }

        _lastMounts = read;
        return read;
    }
}
