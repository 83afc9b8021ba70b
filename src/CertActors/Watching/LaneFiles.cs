namespace CertActors.Watching;

/// <summary>The next step is on a device that isn't the lane's.</summary>
internal sealed class LeavesLaneException(ulong device) : Exception($"device {device} isn't the lane's")
{
    public ulong Device { get; } = device;
}

/// <summary>The disk, as far as a lane goes: a step to another device is refused before it's taken.</summary>
internal sealed class LaneFiles(IFiles files, Func<string, ulong> deviceOf, Devices allowed) : IFiles
{
    public Devices Allowed => allowed;

    /// <summary>The devices that were touched.</summary>
    public Devices Touched { get; private set; } = Devices.None;

    public FileStamp? Stat(string path) => On(path).Stat(path);

    /// <remarks>Follows links wherever they lead, as a poll does thousands of times; that they lead elsewhere by now is for the next look to find.</remarks>
    public FileStamp? StatTarget(string path) => On(path).StatTarget(path);

    public string? ReadLink(string path) => On(path).ReadLink(path);

    public int Read(string path, Span<byte> buffer) => On(path).Read(path, buffer);

    public Func<string, ulong> ReadMounts() => deviceOf;

    private IFiles On(string path)
    {
        var device = deviceOf(path);
        Touched = Touched.With(device);
        return allowed.Contains(device) ? files : throw new LeavesLaneException(device);
    }
}
