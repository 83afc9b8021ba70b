using System.Runtime.InteropServices;
using System.Text;

namespace CertActors.Watching.Sources;

/// <summary>File events from Linux itself: one inotify instance and one thread, however many directories.</summary>
/// <remarks>
/// .NET's own watcher takes an instance for each directory, reports nothing when the directory is removed, and then keeps instance and thread for
/// ever. Kubernetes makes a directory for each version of a secret, which would use up the user's instances (128 by default).
/// </remarks>
internal sealed class InotifyEventSource : IFileEventSource
{
    private const uint Modify = 0x2, Attributes = 0x4, CloseWrite = 0x8, MovedFrom = 0x40, MovedTo = 0x80, Create = 0x100, Delete = 0x200;
    private const uint DeleteSelf = 0x400, MoveSelf = 0x800, Unmount = 0x2000, Overflow = 0x4000, Ignored = 0x8000;
    private const uint AddToMask = 0x20000000;

    // Added to the mask, as the directory may be watched already through another path.
    private const uint Names = MovedFrom | MovedTo | Create | Delete | DeleteSelf | MoveSelf | AddToMask;
    private const uint Contents = Names | Modify | CloseWrite | Attributes;

    private const int Header = 16;
    private const int MaxNameLength = 255;

    private readonly OnFileEvent _sink;
    private readonly IInotify _inotify;
    private volatile bool _disposed;

    public InotifyEventSource(OnFileEvent sink, IInotify inotify)
    {
        _sink = sink;
        _inotify = inotify;
        new Thread(Run) { IsBackground = true, Name = "certificates-inotify" }.Start();
    }

    public int Watch(string directory, bool contents)
    {
        var error = _inotify.Add(directory, contents ? Contents : Names, out var watch);
        return error == 0 ? watch : throw InotifyErrors.OfWatch(directory, error);
    }

    public void Unwatch(int watch) => _inotify.Remove(watch);

    public void Dispose()
    {
        _disposed = true;
        _inotify.Wake();
    }

    private void Run()
    {
        var buffer = new byte[64 * 1024];
        using (_inotify)
        {
            while (!_disposed)
            {
                var result = _inotify.Wait(buffer);
                if (_disposed)
                    break;
                Dispatch(buffer.AsSpan(0, result.Length));
                if (result.MountsChanged)
                    _sink(IFileEventSource.Everything, "", FileEventKind.Mounts);
                if (result.Error != 0)
                {
                    _sink(IFileEventSource.Everything, "", FileEventKind.WatchLost);
                    break;
                }
            }
        }
    }

    private void Dispatch(ReadOnlySpan<byte> events)
    {
        Span<char> name = stackalloc char[MaxNameLength + 1];
        while (!events.IsEmpty)
        {
            var length = events.Length >= Header ? MemoryMarshal.Read<uint>(events[12..]) : uint.MaxValue;
            if (length > events.Length - Header)
            {
                // Not the kernel's format: which events follow is unknown.
                _sink(IFileEventSource.Everything, "", FileEventKind.Overflow);
                return;
            }

            var watch = MemoryMarshal.Read<int>(events);
            var mask = MemoryMarshal.Read<uint>(events[4..]);
            var bytes = events.Slice(Header, (int)length).TrimEnd((byte)0);
            events = events[(Header + (int)length)..];

            if ((mask & Overflow) != 0)
                _sink(IFileEventSource.Everything, "", FileEventKind.Overflow);
            else if (watch >= 0 && bytes.Length <= MaxNameLength) // No path step has a longer name.
                _sink(watch, name[..Encoding.UTF8.GetChars(bytes, name)], KindOf(mask));
        }
    }

    private static FileEventKind KindOf(uint mask) => mask switch
    {
        _ when (mask & (Create | MovedTo)) != 0 => FileEventKind.Created,
        _ when (mask & (Modify | CloseWrite)) != 0 => FileEventKind.Written,
        _ when (mask & (MovedFrom | MoveSelf)) != 0 => FileEventKind.Renamed,
        _ when (mask & (Delete | DeleteSelf)) != 0 => FileEventKind.Removed,
        _ when (mask & (Unmount | Ignored)) != 0 => FileEventKind.WatchLost,
        _ => FileEventKind.Attributes,
    };
}
