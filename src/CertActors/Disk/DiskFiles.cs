using System.Runtime.InteropServices;
using Microsoft.Win32.SafeHandles;

namespace CertActors.Disk;

internal sealed partial class DiskFiles : IFiles
{
    private const int NoEntry = 2, NoPermission = 13, NotADirectory = 20, NoSuchCall = 38; // ENOENT, EACCES, ENOTDIR, ENOSYS

    public static readonly DiskFiles Instance = new();

    public FileStamp? Stat(string path) => OperatingSystem.IsLinux() ? LinuxStat(path, follow: false) : PortableStat(path);

    public FileStamp? StatTarget(string path) => OperatingSystem.IsLinux() ? LinuxStat(path, follow: true) : PortableStatTarget(path);

    public MountTable ReadMounts() => OperatingSystem.IsLinux() ? MountTable.Read() : MountTable.Unknown;

    public string? ReadLink(string path) => new FileInfo(path).LinkTarget;

    public IOpenFile Open(string path)
    {
        var handle = OperatingSystem.IsLinux() ? LinuxOpen(path) : File.OpenHandle(path, share: FileShare.ReadWrite | FileShare.Delete);
        try
        {
            return new OpenFile(handle, OperatingSystem.IsLinux() ? LinuxStat(handle) : PortableStat(handle));
        }
        catch
        {
            handle.Dispose();
            throw;
        }
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
            Mode: OperatingSystem.IsWindows() ? 0 : (uint)entry.UnixFileMode,
            Owner: 0,
            Links: 1,
            Device: 0,
            Inode: 0,
            Born: entry.CreationTimeUtc.Ticks,
            Size: kind == FileKind.File ? ((FileInfo)entry).Length : 0,
            Modified: entry.LastWriteTimeUtc.Ticks,
            Changed: 0);
    }

    private static FileStamp PortableStat(SafeFileHandle file)
    {
        var isDirectory = (File.GetAttributes(file) & FileAttributes.Directory) != 0;
        var length = isDirectory ? 0 : LengthOf(file);
        return new FileStamp(
            isDirectory ? FileKind.Directory : length is null ? FileKind.Other : FileKind.File,
            Mode: OperatingSystem.IsWindows() ? 0 : (uint)File.GetUnixFileMode(file),
            Owner: 0,
            Links: 1,
            Device: 0,
            Inode: 0,
            Born: File.GetCreationTimeUtc(file).Ticks,
            Size: length ?? 0,
            Modified: File.GetLastWriteTimeUtc(file).Ticks,
            Changed: 0);
    }

    /// <returns>Null for a pipe or a terminal, which have no length.</returns>
    private static long? LengthOf(SafeFileHandle file)
    {
        try
        {
            return RandomAccess.GetLength(file);
        }
        catch (NotSupportedException)
        {
            return null;
        }
    }

    // Opens with O_NONBLOCK. .NET opens without it, and so waits until a pipe has a writer.
    private static SafeFileHandle LinuxOpen(string path)
    {
        const int readOnly = 0, nonBlocking = 0x800, closeOnExec = 0x80000; // O_RDONLY, O_NONBLOCK, O_CLOEXEC
        const int interrupted = 4, noDeviceOrWriter = 6, systemIsFull = 23, processIsFull = 24; // EINTR, ENXIO, ENFILE, EMFILE

        while (true)
        {
            var descriptor = OpenDescriptor(path, readOnly | nonBlocking | closeOnExec);
            if (descriptor >= 0)
                return new SafeFileHandle(descriptor, ownsHandle: true);

            var error = Marshal.GetLastPInvokeError();
            if (error == interrupted)
                continue;
            throw error switch
            {
                NoEntry or NotADirectory => new FileNotFoundException(),
                noDeviceOrWriter => new IOException($"{path} is a socket, or a device that no longer exists"),
                processIsFull => new OutOfDescriptorsException(
                    "this process has no descriptor left: raise its limit of open files (LimitNOFILE= in systemd, 'ulimit -n' in a shell), or allow fewer connections"),
                systemIsFull => new OutOfDescriptorsException("the system has no file left to open: raise the sysctl fs.file-max"),
                NoPermission => new UnauthorizedAccessException($"{path} may not be opened ({Marshal.GetPInvokeErrorMessage(error)})"),
                _ => new IOException($"{path} cannot be opened: {Marshal.GetPInvokeErrorMessage(error)}"),
            };
        }
    }

    private static FileStamp? LinuxStat(string path, bool follow)
    {
        const int relativeToWorkingDirectory = -100; // AT_FDCWD
        const int noFollow = 0x100, noAutomount = 0x800; // AT_SYMLINK_NOFOLLOW, AT_NO_AUTOMOUNT

        return TryStatx(relativeToWorkingDirectory, path, noAutomount | (follow ? 0 : noFollow), out var error) is { } stamp ? stamp
            : error == NoSuchCall ? (follow ? PortableStatTarget(path) : PortableStat(path))
            : error is NoEntry or NotADirectory ? null
            : throw ExceptionOf(error, path);
    }

    private static FileStamp LinuxStat(SafeFileHandle file)
    {
        const int theDescriptorItself = 0x1000; // AT_EMPTY_PATH

        var descriptor = (int)file.DangerousGetHandle();
        return TryStatx(descriptor, "", theDescriptorItself, out var error) is { } stamp ? stamp
            : error == NoSuchCall ? PortableStat(file)
            : throw ExceptionOf(error, "the opened file");
    }

    private static Exception ExceptionOf(int error, string what) => error == NoPermission
        ? new UnauthorizedAccessException(
            $"{what} may not be inspected ({Marshal.GetPInvokeErrorMessage(error)}); give this process search permission (x) on every directory of the path")
        : new IOException($"{what} cannot be inspected: {Marshal.GetPInvokeErrorMessage(error)}");

    // statx(2), as its layout is the same on every architecture: .NET reports neither inode nor ctime, and its creation time may be that of the
    // last change.
    private static FileStamp? TryStatx(int directory, string path, int flags, out int error)
    {
        const uint basicStatsAndBirth = 0x7ff | 0x800; // STATX_BASIC_STATS | STATX_BTIME
        const int notPermitted = 1; // EPERM

        try
        {
            if (Statx(directory, path, flags, basicStatsAndBirth, out var stat) == 0)
            {
                error = 0;
                return new FileStamp(
                    KindOf(stat.Mode),
                    stat.Mode,
                    stat.Owner,
                    stat.Links,
                    Device(stat.DeviceMajor, stat.DeviceMinor),
                    stat.Inode,
                    stat.Birth.Nanos,
                    (long)stat.Size,
                    stat.Modified.Nanos,
                    stat.Changed.Nanos);
            }

            error = Marshal.GetLastPInvokeError();
            if (error == notPermitted)
                error = NoSuchCall; // A sandbox that does not know the call.
        }
        catch (EntryPointNotFoundException)
        {
            error = NoSuchCall; // musl before 1.2.5.
        }

        return null;
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

    [LibraryImport("libc", EntryPoint = "open", SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    private static partial int OpenDescriptor(string path, int flags);

    private sealed class OpenFile(SafeFileHandle handle, FileStamp stamp) : IOpenFile
    {
        public FileStamp Stamp => stamp;

        public int Read(Span<byte> buffer)
        {
            var total = 0;
            while (total < buffer.Length)
            {
                var read = RandomAccess.Read(handle, buffer[total..], total);
                if (read == 0)
                    break;
                total += read;
            }

            return total;
        }

        public void Dispose() => handle.Dispose();
    }

    [StructLayout(LayoutKind.Explicit, Size = 256)]
    private struct StatxResult
    {
        [FieldOffset(16)] public uint Links;
        [FieldOffset(20)] public uint Owner;
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
