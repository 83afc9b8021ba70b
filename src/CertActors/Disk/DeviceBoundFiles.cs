namespace CertActors.Disk;

/// <summary>The next path step is on a device that isn't allowed.</summary>
internal sealed class CrossDeviceException(ulong device) : Exception($"device {device} isn't one of those allowed")
{
    public ulong Device { get; } = device;
}

/// <summary>The files of a set of devices: a path that lies on another device is refused before anything on that device is accessed.</summary>
internal sealed class DeviceBoundFiles(IFiles files, MountTable mounts, Devices allowed) : IFiles
{
    private Devices _accessed = Devices.None;

    public Devices Allowed => allowed;

    /// <summary>The devices that were accessed. Where they are the allowed ones, as mostly, it's the same object, so that pairs share it.</summary>
    public Devices DevicesAccessed => _accessed.Equals(allowed) ? allowed : _accessed;

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
        _accessed = _accessed.With(device);
        return allowed.Contains(device) ? files : throw new CrossDeviceException(device);
    }
}
