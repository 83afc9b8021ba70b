using System.Collections.Frozen;

namespace CertActors.Watching;

/// <summary>File events from .NET's own watcher, one a directory: for Windows and macOS. Works on Linux too, at the price that <see cref="InotifySource"/> tells of.</summary>
/// <remarks>
/// It says nothing when its directory is deleted, and goes on under the old path when that is renamed: a directory that has become
/// another one, by its identity, is watched anew at the next <see cref="Watch"/>.
/// </remarks>
internal sealed class FileSystemWatcherSource(Action<FileEvent> sink) : IFileEventSource
{
    private readonly Lock _lock = new();
    private readonly Dictionary<string, IReadOnlyCollection<Hop>> _hops = [];
    private readonly Dictionary<string, WatchedDirectory> _directories = [];
    private bool _disposed;

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
            foreach (var directory in hops.DistinctBy(hop => hop.Directory))
                WatchDirectory(directory, [.. wanted[directory.Directory].Select(hop => hop.Name)]);
        }
    }

    public void Dispose()
    {
        lock (_lock)
        {
            _disposed = true;
            foreach (var path in _directories.Keys.ToArray())
                Unwatch(path);
        }
    }

    private void WatchDirectory(Hop directory, HashSet<string> names)
    {
        if (_directories.TryGetValue(directory.Directory, out var watched))
        {
            if (watched.Identity == directory.DirectoryIdentity)
            {
                watched.Names = names.ToFrozenSet();
                return;
            }

            Unwatch(directory.Directory);
        }

        _directories.Add(directory.Directory, new WatchedDirectory(directory, names.ToFrozenSet(), sink));
    }

    private void Unwatch(string path)
    {
        _directories.Remove(path, out var watched);
        watched!.Dispose();
    }

    private sealed class WatchedDirectory : IDisposable
    {
        private readonly string _path;
        private readonly Action<FileEvent> _sink;
        private readonly FileSystemWatcher _watcher;
        private volatile FrozenSet<string> _names;

        public WatchedDirectory(Hop hop, FrozenSet<string> names, Action<FileEvent> sink)
        {
            _path = hop.Directory;
            Identity = hop.DirectoryIdentity;
            _names = names;
            _sink = sink;
            _watcher = Open(hop.Directory);
            try
            {
                _watcher.Created += (_, e) => Tell(e.Name, FileEventKind.Created);
                _watcher.Changed += (_, e) => Tell(e.Name, FileEventKind.Written);
                _watcher.Deleted += (_, e) => Tell(e.Name, FileEventKind.Removed);
                _watcher.Renamed += (_, e) =>
                {
                    Tell(e.OldName, FileEventKind.Renamed);
                    Tell(e.Name, FileEventKind.Created);
                };
                _watcher.Error += (_, e) => sink(new FileEvent(
                    _path, "", e.GetException() is InternalBufferOverflowException ? FileEventKind.Overflow : FileEventKind.WatchLost));
                _watcher.EnableRaisingEvents = true;
            }
            catch
            {
                _watcher.Dispose();
                throw;
            }
        }

        public FileIdentity Identity { get; }

        public FrozenSet<string> Names
        {
            set => _names = value;
        }

        public void Dispose() => _watcher.Dispose();

        // CreationTime and Security are what inotify's IN_ATTRIB hides behind, as Attributes does.
        private static FileSystemWatcher Open(string path)
        {
            try
            {
                return new FileSystemWatcher(path)
                {
                    NotifyFilter = NotifyFilters.FileName | NotifyFilters.DirectoryName | NotifyFilters.LastWrite
                        | NotifyFilters.Size | NotifyFilters.Attributes | NotifyFilters.CreationTime | NotifyFilters.Security,
                    InternalBufferSize = 64 * 1024,
                };
            }
            catch (ArgumentException)
            {
                // What it says of a directory that has gone since the way was walked.
                throw new DirectoryNotFoundException($"{path} went away before it was watched");
            }
        }

        private void Tell(string? name, FileEventKind kind)
        {
            if (name is not null && _names.Contains(name))
                _sink(new FileEvent(_path, name, kind));
        }
    }
}
