using System.Collections.Concurrent;

namespace CertActors.Watching;

/// <summary>The devices that the two files of a pair lie on.</summary>
internal sealed record Devices(ulong Certificate, ulong Key);

/// <summary>
/// Divides the <see cref="DiskThreads"/> by device, so that a dead mount takes a few of them and leaves the rest to the pairs of others.
/// </summary>
/// <param name="threads">Gives at most so many threads at a time.</param>
internal sealed class DiskLanes(Func<int, TaskScheduler> threads)
{
    private const int MostLooks = 1;
    private const int MostLoads = 2;

    private readonly ConcurrentDictionary<Devices, DiskLane> _looks = [];
    private readonly ConcurrentDictionary<Devices, DiskLane> _loads = [];

    /// <summary>For what looks at files. Not behind loads, as a look is short, and starts the watch.</summary>
    public DiskLane Looks(Devices devices) => _looks.GetOrAdd(devices, _ => new DiskLane(threads(MostLooks)));

    /// <summary>For what reads and judges them.</summary>
    public DiskLane Loads(Devices devices) => _loads.GetOrAdd(devices, _ => new DiskLane(threads(MostLoads)));
}

/// <summary>What blocks waits here for a thread, in the order in which it came.</summary>
internal sealed class DiskLane(TaskScheduler threads)
{
    private long _ended;

    /// <summary>How many calls have ended: a lane in which none does is stuck.</summary>
    public long Ended => Interlocked.Read(ref _ended);

    public Task<T> Run<T>(Func<T> blocking) => Task.Factory.StartNew(
        () =>
        {
            try
            {
                return blocking();
            }
            finally
            {
                Interlocked.Increment(ref _ended);
            }
        },
        CancellationToken.None,
        TaskCreationOptions.DenyChildAttach,
        threads);
}
