using System.Collections.Concurrent;

namespace CertActors.Watching.Sources;

/// <summary>
/// File events from .NET's own watcher, one for each directory: for Windows and macOS. It works on Linux too, at the cost described at
/// <see cref="InotifyEventSource"/>.
/// </summary>
/// <remarks>
/// It reports nothing when its directory is deleted, and continues under the old path when that is renamed. The watch of the parent directory
/// reports both.
/// </remarks>
internal sealed class FileSystemWatcherEventSource(OnFileEvent sink) : IFileEventSource
{
    private const NotifyFilters Names = NotifyFilters.FileName | NotifyFilters.DirectoryName;

    // On Linux, .NET maps Attributes, CreationTime and Security to inotify's IN_ATTRIB.
    private const NotifyFilters Contents = Names | NotifyFilters.LastWrite | NotifyFilters.Size
        | NotifyFilters.Attributes | NotifyFilters.CreationTime | NotifyFilters.Security;

    private readonly ConcurrentDictionary<int, FileSystemWatcher> _watchers = [];
    private volatile bool _disposed;
    private int _last;

    public int Watch(string directory, bool contents)
    {
        var watch = Interlocked.Increment(ref _last);
        var watcher = Open(directory, contents ? Contents : Names);
        try
        {
            watcher.Created += (_, e) => sink(watch, e.Name, FileEventKind.Created);
            watcher.Changed += (_, e) => sink(watch, e.Name, FileEventKind.Written);
            watcher.Deleted += (_, e) => sink(watch, e.Name, FileEventKind.Removed);
            watcher.Renamed += (_, e) =>
            {
                sink(watch, e.OldName, FileEventKind.Renamed);
                sink(watch, e.Name, FileEventKind.Created);
            };
            watcher.Error += (_, e) =>
                sink(watch, "", e.GetException() is InternalBufferOverflowException ? FileEventKind.Overflow : FileEventKind.WatchLost);
            _watchers[watch] = watcher;
            watcher.EnableRaisingEvents = true;
        }
        catch
        {
            Unwatch(watch);
            throw;
        }

        // Dispose may have run meanwhile, without this watch.
        if (_disposed)
            Unwatch(watch);
        return watch;
    }

    public void Unwatch(int watch)
    {
        if (_watchers.TryRemove(watch, out var watcher))
            watcher.Dispose();
    }

    public void Dispose()
    {
        _disposed = true;
        foreach (var watch in _watchers.Keys)
            Unwatch(watch);
    }

    private static FileSystemWatcher Open(string directory, NotifyFilters filter)
    {
        try
        {
            return new FileSystemWatcher(directory) { NotifyFilter = filter, InternalBufferSize = 64 * 1024 };
        }
        catch (ArgumentException)
        {
            // What the constructor throws for a directory that no longer exists.
            throw new DirectoryNotFoundException($"{directory} was removed before it was watched");
        }
    }
}
