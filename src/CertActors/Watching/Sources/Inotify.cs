using System.Runtime.InteropServices;
using System.Runtime.Versioning;
using Microsoft.Win32.SafeHandles;

namespace CertActors.Watching.Sources;

/// <summary>The kernel's inotify(7). It also polls /proc/self/mountinfo (proc_pid_mountinfo(5)), as inotify does not report mounts.</summary>
[SupportedOSPlatform("linux")]
internal sealed partial class Inotify : IInotify
{
    private const int CloseOnExec = 0x80000; // IN_CLOEXEC and EFD_CLOEXEC
    private const short Readable = 0x1, Exceptional = 0x2; // POLLIN and POLLPRI
    private const int Interrupted = 4, TryAgain = 11, BadDescriptor = 9; // EINTR, EAGAIN, EBADF

    private readonly SafeFileHandle _inotify;
    private readonly SafeFileHandle _wake;
    private readonly SafeFileHandle? _mounts;

    private Inotify(SafeFileHandle inotify, SafeFileHandle wake)
    {
        _inotify = inotify;
        _wake = wake;
        try
        {
            _mounts = File.OpenHandle("/proc/self/mountinfo");
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            _mounts = null; // A sandbox without /proc: polls notice what is mounted.
        }
    }

    /// <exception cref="IOException">No instance is available; the message names the remedy.</exception>
    public static Inotify Open()
    {
        const int nonBlocking = 0x800;
        var inotify = Init(CloseOnExec | nonBlocking);
        if (inotify.IsInvalid)
            throw InotifyErrors.OfInstance(Marshal.GetLastPInvokeError());
        var wake = EventFd(0, CloseOnExec | nonBlocking);
        if (!wake.IsInvalid)
            return new Inotify(inotify, wake);

        var error = Marshal.GetLastPInvokeError();
        inotify.Dispose();
        throw InotifyErrors.OfInstance(error);
    }

    public int Add(string directory, uint mask, out int watch)
    {
        try
        {
            watch = AddWatch(_inotify, directory, mask);
            return watch < 0 ? Marshal.GetLastPInvokeError() : 0;
        }
        catch (ObjectDisposedException)
        {
            watch = -1;
            return BadDescriptor;
        }
    }

    public void Remove(int watch)
    {
        try
        {
            _ = RemoveWatch(_inotify, watch);
        }
        catch (ObjectDisposedException)
        {
            // The instance was closed, and its watches with it.
        }
    }

    public InotifyReadResult Wait(byte[] buffer)
    {
        Span<PollDescriptor> descriptors =
        [
            new PollDescriptor { Descriptor = (int)_inotify.DangerousGetHandle(), Wanted = Readable },
            new PollDescriptor { Descriptor = (int)_wake.DangerousGetHandle(), Wanted = Readable },
            new PollDescriptor { Descriptor = (int?)_mounts?.DangerousGetHandle() ?? -1, Wanted = Exceptional },
        ];
        if (Poll(ref descriptors[0], (nuint)descriptors.Length, -1) < 0)
            return Failed();

        var mountsChanged = (descriptors[2].Happened & Exceptional) != 0;
        if (descriptors[0].Happened == 0)
            return new InotifyReadResult(0, mountsChanged, 0);
        var length = (int)Read(_inotify, buffer, buffer.Length);
        return length < 0 ? Failed() with { MountsChanged = mountsChanged } : new InotifyReadResult(length, mountsChanged, 0);
    }

    public void Wake()
    {
        try
        {
            _ = Write(_wake, 1, sizeof(ulong));
        }
        catch (ObjectDisposedException)
        {
            // Its thread has ended.
        }
    }

    public void Dispose()
    {
        _inotify.Dispose();
        _wake.Dispose();
        _mounts?.Dispose();
    }

    private static InotifyReadResult Failed()
    {
        var error = Marshal.GetLastPInvokeError();
        return new InotifyReadResult(0, MountsChanged: false, error is Interrupted or TryAgain ? 0 : error);
    }

    [LibraryImport("libc", EntryPoint = "inotify_init1", SetLastError = true)]
    private static partial SafeFileHandle Init(int flags);

    [LibraryImport("libc", EntryPoint = "inotify_add_watch", SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    private static partial int AddWatch(SafeFileHandle inotify, string path, uint mask);

    [LibraryImport("libc", EntryPoint = "inotify_rm_watch", SetLastError = true)]
    private static partial int RemoveWatch(SafeFileHandle inotify, int watch);

    [LibraryImport("libc", EntryPoint = "read", SetLastError = true)]
    private static partial nint Read(SafeFileHandle inotify, [Out] byte[] buffer, nint length);

    [LibraryImport("libc", EntryPoint = "eventfd", SetLastError = true)]
    private static partial SafeFileHandle EventFd(uint initial, int flags);

    [LibraryImport("libc", EntryPoint = "write", SetLastError = true)]
    private static partial nint Write(SafeFileHandle wake, in ulong count, nint length);

    [LibraryImport("libc", EntryPoint = "poll", SetLastError = true)]
    private static partial int Poll(ref PollDescriptor first, nuint count, int milliseconds);

    [StructLayout(LayoutKind.Sequential)]
    private struct PollDescriptor
    {
        public int Descriptor;
        public short Wanted;
        public short Happened;
    }
}
