namespace CertActors.Disk;

/// <summary>
/// The calls that wait for and run on one set of devices. Guarded by the lock of its <see cref="DiskScheduler"/>, except <see cref="Ended"/>.
/// </summary>
internal sealed class DeviceQueue(Devices devices)
{
    private readonly Queue<DiskCall>[] _waiting = [new(), new(), new()];

    public Devices Devices { get; } = devices;

    /// <summary>The number of calls in progress, by <see cref="DiskWork"/>.</summary>
    public int[] Running { get; } = new int[3];

    /// <summary>The number of calls that have ended, by <see cref="DiskWork"/>. Read without the lock: only whether it grows matters.</summary>
    public long[] Ended { get; } = new long[3];

    /// <summary>Whether nothing runs except polls.</summary>
    public bool IsIdle => Running is [0, 0, _];

    /// <summary>Whether nothing runs or waits.</summary>
    public bool IsEmpty => Running is [0, 0, 0] && _waiting is [{ Count: 0 }, { Count: 0 }, { Count: 0 }];

    public Queue<DiskCall> Waiting(DiskWork work) => _waiting[(int)work];
}
