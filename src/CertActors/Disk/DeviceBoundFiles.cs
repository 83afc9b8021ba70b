namespace CertActors.Disk;

/// <summary>The next path step is on a device that is not allowed.</summary>
internal sealed class CrossDeviceException(ulong device) : Exception($"device {device} is not one of those allowed")
{
    public ulong Device { get; } = device;
}

/// <summary>
/// The files on a set of devices. A path on another device is refused with <see cref="CrossDeviceException"/> before anything on that device
/// is accessed.
/// </summary>
internal sealed class DeviceBoundFiles(IFiles files, MountTable mounts, Devices allowed) : IFiles
{
    private Devices _accessed = Devices.None;

    public Devices Allowed => allowed;

    /// <summary>The devices that were accessed. Where these are all that are allowed, it is the same object, so that thousands of files share it.</summary>
    public Devices DevicesAccessed => _accessed.Equals(allowed) ? allowed : _accessed;

    public FileStamp? Stat(string path) => On(path).Stat(path);

    /// <remarks>Not checked: it is called for thousands of paths in one poll. An inspection finds out when a link leads elsewhere.</remarks>
    public FileStamp? StatTarget(string path) => files.StatTarget(path);

    public string? ReadLink(string path) => On(path).ReadLink(path);

    public IOpenFile Open(string path) => On(path).Open(path);

    public MountTable ReadMounts() => mounts;

    private IFiles On(string path)
    {
        var device = mounts.DeviceOf(path);
        _accessed = _accessed.With(device);
        return allowed.Contains(device) ? files : throw new CrossDeviceException(device);
    }
}
