using System.Globalization;
using System.Text.RegularExpressions;

namespace CertActors.Disk;

/// <summary>What is mounted where: proc_pid_mountinfo(5).</summary>
internal sealed class MountTable(IEnumerable<KeyValuePair<string, ulong>> devices)
{
    // Of two mounts at one point, the later covers the other. By span, as every access to a disk looks up the parents of its path.
    private readonly Dictionary<string, ulong>.AlternateLookup<ReadOnlySpan<char>> _devices = devices
        .GroupBy(mount => mount.Key, StringComparer.Ordinal)
        .ToDictionary(point => point.Key, point => point.Last().Value, StringComparer.Ordinal)
        .GetAlternateLookup<ReadOnlySpan<char>>();

    /// <summary>For platforms that do not report their mounts.</summary>
    public static MountTable Unknown { get; } = new([]);

    /// <exception cref="IOException">The table exists and cannot be read at present.</exception>
    public static MountTable Read()
    {
        try
        {
            return Parse(File.ReadAllText("/proc/self/mountinfo"));
        }
        catch (Exception error) when (error is FileNotFoundException or DirectoryNotFoundException or UnauthorizedAccessException)
        {
            return Unknown; // A sandbox without /proc.
        }
    }

    public static MountTable Parse(string text) => new(text.Split('\n').SelectMany(ParseLine));

    /// <returns>The device of a path that has no links; 0 if it is not known.</returns>
    public ulong DeviceOf(ReadOnlySpan<char> path)
    {
        for (var point = path; !point.IsEmpty; point = Path.GetDirectoryName(point))
        {
            if (_devices.TryGetValue(point, out var device))
                return device;
        }

        return 0;
    }

    /// <returns>The given devices and those that a path crosses from the root to its end, if no part of it is a link.</returns>
    public Devices AddDevicesAlong(string path, Devices devices)
    {
        for (var point = path.AsSpan(); !point.IsEmpty; point = Path.GetDirectoryName(point))
            devices = devices.With(DeviceOf(point));
        return devices;
    }

    public bool IsMountPoint(string path) => _devices.ContainsKey(path);

    // "36 35 98:0 /root /mnt/point rw,noatime shared:1 - ext3 /dev/root rw"
    private static IEnumerable<KeyValuePair<string, ulong>> ParseLine(string line)
    {
        var fields = line.Split(' ');
        if (fields.Length > 4 && fields[2].Split(':') is [var major, var minor]
            && uint.TryParse(major, CultureInfo.InvariantCulture, out var high) && uint.TryParse(minor, CultureInfo.InvariantCulture, out var low))
            yield return KeyValuePair.Create(Unescape(fields[4]), DiskFiles.Device(high, low));
    }

    // A space, tab, newline or backslash is written as a backslash and three octal digits.
    private static string Unescape(string field) =>
        field.Contains('\\', StringComparison.Ordinal)
            ? Regex.Replace(field, @"\\([0-7]{3})", match => ((char)Convert.ToInt32(match.Groups[1].Value, 8)).ToString())
            : field;
}
