using System.Collections.Frozen;
using System.Runtime.InteropServices;
using System.Runtime.Versioning;
using System.Text;
using Microsoft.Win32.SafeHandles;

namespace CertActors.Watching;

/// <summary>File events from Linux itself: one inotify instance (inotify(7)) and one thread, however many directories.</summary>
/// <remarks>
/// .NET's own watcher takes an instance a directory, says nothing when its directory goes, and then keeps instance and thread for ever:
/// a directory a version, as Kubernetes makes them, would use up the user's instances (128 by default).
/// </remarks>
[SupportedOSPlatform("linux")]
internal sealed partial class InotifySource : IFileEventSource
{
    // Written and Created twice over: IN_CLOSE_WRITE and IN_MOVED_TO come when a writer is done.
    private const uint Attributes = 0x4, CloseWrite = 0x8, Modify = 0x2, MovedFrom = 0x40, MovedTo = 0x80, Create = 0x100, Delete = 0x200;
    private const uint DeleteSelf = 0x400, MoveSelf = 0x800, Unmount = 0x2000, Overflow = 0x4000, Ignored = 0x8000;
    private const uint OnlyDirectories = 0x1000000;
    private const uint Wanted = Attributes | CloseWrite | Modify | MovedFrom | MovedTo | Create | Delete | DeleteSelf | MoveSelf | OnlyDirectories;
    private const int CloseOnExec = 0x80000;
    private const int Header = 16;

    private readonly Lock _lock = new();
    private readonly Action<FileEvent> _sink;
    private readonly SafeFileHandle _inotify;
    private readonly Dictionary<string, IReadOnlyCollection<Hop>> _hops = [];
    private readonly Dictionary<string, (int Watch, FileIdentity Identity)> _directories = [];
    private volatile FrozenDictionary<int, (string Path, FrozenSet<string> Names)> _watched = FrozenDictionary<int, (string, FrozenSet<string>)>.Empty;
    private volatile bool _disposed;

    public InotifySource(Action<FileEvent> sink)
    {
        _sink = sink;
        _inotify = Init(CloseOnExec);
        if (_inotify.IsInvalid)
            throw Failure("no inotify instance is to be had", "raise fs.inotify.max_user_instances");
        new Thread(Read) { IsBackground = true, Name = "certificates-inotify" }.Start();
    }

    public void Watch(string pair, IReadOnlyCollection<Hop> hops)
    {
        lock (_lock)
        {
            if (_disposed)
                return;

            _hops[pair] = hops;
            var wanted = _hops.Values.SelectMany(all => all).ToLookup(hop => hop.Directory);
            foreach (var gone in _directories.Keys.Where(path => !wanted.Contains(path)).ToArray())
                Unwatch(gone);
            try
            {
                foreach (var hop in hops.DistinctBy(hop => hop.Directory))
                    WatchDirectory(hop);
            }
            finally
            {
                _watched = _directories
                    .GroupBy(directory => directory.Value.Watch, directory => directory.Key)
                    .ToFrozenDictionary(same => same.Key, same => (same.First(), wanted[same.First()].Select(hop => hop.Name).ToFrozenSet()));
            }
        }
    }

    public void Dispose()
    {
        lock (_lock)
        {
            if (_disposed)
                return;
            _disposed = true;
            foreach (var path in _directories.Keys.ToArray())
                Unwatch(path);

            // The end of a watch is an event, which wakes the reader; it closes the instance.
            var root = AddWatch(_inotify, "/", OnlyDirectories | DeleteSelf);
            _ = RemoveWatch(_inotify, root);
        }
    }

    private void WatchDirectory(Hop hop)
    {
        if (_directories.TryGetValue(hop.Directory, out var known))
        {
            if (known.Identity == hop.DirectoryIdentity)
                return;
            Unwatch(hop.Directory);
        }

        var watch = AddWatch(_inotify, hop.Directory, Wanted);
        if (watch < 0)
            throw Failure($"{hop.Directory} can't be watched", "let the process read the directory, or raise fs.inotify.max_user_watches");
        _directories[hop.Directory] = (watch, hop.DirectoryIdentity);
    }

    private void Unwatch(string path)
    {
        _directories.Remove(path, out var gone);
        _ = RemoveWatch(_inotify, gone.Watch); // Where the directory has gone, so has the watch.
    }

    private void Read()
    {
        var buffer = new byte[64 * 1024];
        while (true)
        {
            const int interrupted = 4; // EINTR
            var length = Read(_inotify, buffer, buffer.Length);
            if (length > 0 && !_disposed)
                Tell(buffer.AsSpan(0, (int)length));
            else if (_disposed || Marshal.GetLastPInvokeError() != interrupted)
                break;
        }

        if (!_disposed)
            _sink(new FileEvent("", "", FileEventKind.WatchLost));
        lock (_lock)
        {
            _disposed = true;
            _inotify.Dispose();
        }
    }

    private void Tell(ReadOnlySpan<byte> events)
    {
        while (events.Length >= Header)
        {
            var watch = MemoryMarshal.Read<int>(events);
            var mask = MemoryMarshal.Read<uint>(events[4..]);
            var length = MemoryMarshal.Read<int>(events[12..]);
            var name = Encoding.UTF8.GetString(events.Slice(Header, length).TrimEnd((byte)0));
            events = events[(Header + length)..];

            if ((mask & Overflow) != 0)
            {
                foreach (var (path, _) in _watched.Values)
                    _sink(new FileEvent(path, "", FileEventKind.Overflow));
            }
            else if (_watched.TryGetValue(watch, out var directory) && (name.Length == 0 ? IsOfDirectory(mask) : directory.Names.Contains(name)))
            {
                // The end of a watch that we have ended ourselves is no news.
                if ((mask & Ignored) != 0 && !Forget(watch))
                    continue;
                _sink(new FileEvent(directory.Path, name, KindOf(mask)));
            }
        }
    }

    /// <summary>The directory has gone, and its watch with it: one that comes in its place is to be watched anew, whatever its inode.</summary>
    /// <returns>Whether it was watched.</returns>
    private bool Forget(int watch)
    {
        lock (_lock)
        {
            string[] gone = [.. _directories.Where(directory => directory.Value.Watch == watch).Select(directory => directory.Key)];
            foreach (var path in gone)
                _directories.Remove(path);
            return gone.Length > 0;
        }
    }

    // Its attributes, as chmod changes them, count too: they may let the files be read again.
    private static bool IsOfDirectory(uint mask) => (mask & (DeleteSelf | MoveSelf | Unmount | Ignored | Attributes)) != 0;

    private static FileEventKind KindOf(uint mask) => mask switch
    {
        _ when (mask & (Create | MovedTo)) != 0 => FileEventKind.Created,
        _ when (mask & (Modify | CloseWrite)) != 0 => FileEventKind.Written,
        _ when (mask & (MovedFrom | MoveSelf)) != 0 => FileEventKind.Renamed,
        _ when (mask & Attributes) != 0 => FileEventKind.Attributes,
        _ => FileEventKind.Removed,
    };

    private static IOException Failure(string what, string remedy) =>
        new($"{what}: {Marshal.GetPInvokeErrorMessage(Marshal.GetLastPInvokeError())}; {remedy}");

    [LibraryImport("libc", EntryPoint = "inotify_init1", SetLastError = true)]
    private static partial SafeFileHandle Init(int flags);

    [LibraryImport("libc", EntryPoint = "inotify_add_watch", SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    private static partial int AddWatch(SafeFileHandle inotify, string path, uint mask);

    [LibraryImport("libc", EntryPoint = "inotify_rm_watch", SetLastError = true)]
    private static partial int RemoveWatch(SafeFileHandle inotify, int watch);

    [LibraryImport("libc", EntryPoint = "read", SetLastError = true)]
    private static partial nint Read(SafeFileHandle inotify, [Out] byte[] buffer, nint length);
}
