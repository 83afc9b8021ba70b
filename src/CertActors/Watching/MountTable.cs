using System.Globalization;
using System.Text.RegularExpressions;

namespace CertActors.Watching;

/// <summary>Which device is mounted where: proc_pid_mountinfo(5).</summary>
internal sealed class MountTable
{
    private readonly Dictionary<string, ulong> _devices = new(StringComparer.Ordinal);

    private MountTable(IEnumerable<string> lines)
    {
        // "36 35 98:0 /root /mnt/point rw,noatime shared:1 - ext3 /dev/root rw"; of two at one point, the later covers the other.
        foreach (var line in lines)
        {
            var fields = line.Split(' ');
            if (fields.Length > 4 && fields[2].Split(':') is [var major, var minor]
                && uint.TryParse(major, CultureInfo.InvariantCulture, out var high) && uint.TryParse(minor, CultureInfo.InvariantCulture, out var low))
                _devices[Unescape(fields[4])] = DiskFiles.Device(high, low);
        }
    }

    public static MountTable Read()
    {
        try
        {
            return new MountTable(File.ReadAllLines("/proc/self/mountinfo"));
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            return new MountTable([]); // A sandbox without /proc.
        }
    }

    public static MountTable Parse(string text) => new(text.Split('\n'));

    public ulong DeviceOf(string path)
    {
        for (var point = path; point is not null; point = Path.GetDirectoryName(point))
        {
            if (_devices.TryGetValue(point, out var device))
                return device;
        }

        return 0;
    }

    // Space, tab, newline and backslash are written as three octal digits.
    private static string Unescape(string field) =>
        field.Contains('\\', StringComparison.Ordinal)
            ? Regex.Replace(field, @"\\([0-7]{3})", match => ((char)Convert.ToInt32(match.Groups[1].Value, 8)).ToString())
            : field;
}
