using System.Runtime.InteropServices;
using Microsoft.Win32.SafeHandles;

namespace CertActors.Watching;

/// <summary>The disk.</summary>
internal sealed partial class DiskFiles : IFiles
{
    public static readonly DiskFiles Instance = new();

    public FileStamp? Stat(string path) => OperatingSystem.IsLinux() ? LinuxStat(path, follow: false) : PortableStat(path);

    public FileStamp? StatTarget(string path) => OperatingSystem.IsLinux() ? LinuxStat(path, follow: true) : PortableStatTarget(path);

    public Func<string, ulong> ReadMounts() => OperatingSystem.IsLinux() ? MountTable.Read().DeviceOf : _ => 0;

    public string? ReadLink(string path) => new FileInfo(path).LinkTarget;

    public int Read(string path, Span<byte> buffer)
    {
        using SafeFileHandle file = File.OpenHandle(path, share: FileShare.ReadWrite | FileShare.Delete);
        var total = 0;
        while (total < buffer.Length)
        {
            var read = RandomAccess.Read(file, buffer[total..], total);
            if (read == 0)
                break;
            total += read;
        }

        return total;
    }

    private static FileStamp? PortableStatTarget(string path) =>
        PortableStat(new FileInfo(path).ResolveLinkTarget(returnFinalTarget: true)?.FullName ?? path);

    private static FileStamp? PortableStat(string path)
    {
        FileSystemInfo entry = new FileInfo(path);
        if (!entry.Exists && entry.LinkTarget is null)
        {
            entry = new DirectoryInfo(path);
            if (!entry.Exists && entry.LinkTarget is null)
                return null;
        }

        var kind = entry.LinkTarget is not null ? FileKind.Link
            : entry is DirectoryInfo ? FileKind.Directory
            : (entry.Attributes & FileAttributes.Device) != 0 ? FileKind.Other
            : FileKind.File;

        return new FileStamp(
            kind,
            Mode: (uint)entry.Attributes,
            Device: 0,
            Inode: 0,
            Born: entry.CreationTimeUtc.Ticks,
            Size: kind == FileKind.File ? ((FileInfo)entry).Length : 0,
            Modified: entry.LastWriteTimeUtc.Ticks,
            Changed: 0);
    }

    // statx(2), whose layout is the same on every architecture: .NET itself offers neither inode nor ctime, and its time of creation
    // falls back on the time of the last change.
    private static FileStamp? LinuxStat(string path, bool follow)
    {
        const int relativeToWorkingDirectory = -100; // AT_FDCWD
        const int noFollow = 0x100, noAutomount = 0x800; // AT_SYMLINK_NOFOLLOW, AT_NO_AUTOMOUNT
        const uint basicStatsAndBirth = 0x7ff | 0x800; // STATX_BASIC_STATS | STATX_BTIME
        const int notPermitted = 1, noEntry = 2, noPermission = 13, notADirectory = 20, noSuchCall = 38;

        int failed;
        StatxResult stat;
        try
        {
            failed = Statx(relativeToWorkingDirectory, path, noAutomount | (follow ? 0 : noFollow), basicStatsAndBirth, out stat);
        }
        catch (EntryPointNotFoundException)
        {
            return follow ? PortableStatTarget(path) : PortableStat(path); // musl has it from 1.2.5.
        }

        if (failed == 0)
        {
            return new FileStamp(
                KindOf(stat.Mode),
                stat.Mode,
                Device(stat.DeviceMajor, stat.DeviceMinor),
                stat.Inode,
                stat.Birth.Nanos,
                (long)stat.Size,
                stat.Modified.Nanos,
                stat.Changed.Nanos);
        }

        var error = Marshal.GetLastPInvokeError();
        return error switch
        {
            noEntry or notADirectory => null,
            notPermitted or noSuchCall => follow ? PortableStatTarget(path) : PortableStat(path), // An old kernel, or a sandbox that doesn't know the call.
            noPermission => throw new UnauthorizedAccessException(
                $"{path} may not be looked at ({Marshal.GetPInvokeErrorMessage(error)}); let this process pass every directory on the way to it"),
            _ => throw new IOException($"{path} can't be looked at: {Marshal.GetPInvokeErrorMessage(error)}"),
        };
    }

    internal static ulong Device(uint major, uint minor) => ((ulong)major << 32) | minor;

    private static FileKind KindOf(ushort mode) => (mode & 0xf000) switch
    {
        0x8000 => FileKind.File,
        0x4000 => FileKind.Directory,
        0xa000 => FileKind.Link,
        _ => FileKind.Other,
    };

    [LibraryImport("libc", EntryPoint = "statx", SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    private static partial int Statx(int directory, string path, int flags, uint mask, out StatxResult result);

    [StructLayout(LayoutKind.Explicit, Size = 256)]
    private struct StatxResult
    {
        [FieldOffset(28)] public ushort Mode;
        [FieldOffset(32)] public ulong Inode;
        [FieldOffset(40)] public ulong Size;
        [FieldOffset(80)] public StatxTime Birth;
        [FieldOffset(96)] public StatxTime Changed;
        [FieldOffset(112)] public StatxTime Modified;
        [FieldOffset(136)] public uint DeviceMajor;
        [FieldOffset(140)] public uint DeviceMinor;
    }

    [StructLayout(LayoutKind.Sequential, Size = 16)]
    private struct StatxTime
    {
        public long Seconds;
        public uint Nanoseconds;

        public readonly long Nanos => unchecked((Seconds * 1_000_000_000) + Nanoseconds);
    }
}
