namespace CertActors.Disk;

/// <summary>The next step is on a device that isn't the lane's.</summary>
internal sealed class LeavesLaneException(ulong device) : Exception($"device {device} isn't the lane's")
{
    public ulong Device { get; } = device;
}

/// <summary>The disk, as far as a lane goes: a step to another device is refused before it's taken.</summary>
internal sealed class LaneFiles(IFiles files, MountTable mounts, Devices allowed) : IFiles
{
    private Devices _touched = Devices.None;

    public Devices Allowed => allowed;

    /// <summary>The devices that were touched; mostly the lane's own, which its pairs then share.</summary>
    public Devices Touched => _touched.Equals(allowed) ? allowed : _touched;

    public FileStamp? Stat(string path) => On(path).Stat(path);

    /// <remarks>Unchecked, as polls do it thousands of times; that a link leads elsewhere by now is for the next look to find.</remarks>
    public FileStamp? StatTarget(string path) => files.StatTarget(path);

    public string? ReadLink(string path) => On(path).ReadLink(path);

    /// <remarks>The path must be free of links, which the kernel would follow to any device.</remarks>
    public IOpenFile Open(string path) => On(path).Open(path);

    public MountTable ReadMounts() => mounts;

    private IFiles On(string path)
    {
        var device = mounts.DeviceOf(path);
        _touched = _touched.With(device);
        return allowed.Contains(device) ? files : throw new LeavesLaneException(device);
    }
}
