using CertActors.Watching.Sources;


namespace CertActors.Tests.Support;

/// <summary>An event source that says what the test tells it to, about the directories that it was told to watch.</summary>
internal sealed class ScriptedEvents
{
    // Disk threads watch at the same time. Never held while an event is raised: its receiver has a lock of its own, under which it ends watches.
    private readonly Lock _lock = new();
    private readonly List<Source> _open = [];

    /// <summary>Why no source can be made; null if one can.</summary>
    public Exception? Unavailable { get; set; }

    /// <summary>Why a directory can't be watched; null if it can.</summary>
    public Func<string, Exception?> WatchFails { get; set; } = _ => null;

    /// <summary>Called when a directory is watched, and its number not told yet.</summary>
    public Action<string> BeforeTold { get; set; } = _ => { };

    /// <summary>How many times a source was asked for.</summary>
    public int Opened { get; private set; }

    /// <summary>How many sources are open.</summary>
    public int OpenNow => _open.Count;

    /// <summary>How often a directory was watched, by any source.</summary>
    public int Watched { get; private set; }

    public IFileEventSource Open(OnFileEvent sink)
    {
        Opened++;
        if (Unavailable is not null)
            throw Unavailable;
        var source = new Source(this, sink);
        lock (_lock)
            _open.Add(source);
        return source;
    }

    /// <summary>Something happened to a path: told if its directory is watched for it.</summary>
    public void Raise(string path, FileEventKind kind)
    {
        foreach (var source in Sources())
            source.Raise(Path.GetDirectoryName(path)!, Path.GetFileName(path), kind);
    }

    /// <summary>Something happened to a directory itself.</summary>
    public void RaiseDirectory(string directory, FileEventKind kind)
    {
        foreach (var source in Sources())
            source.Raise(directory, "", kind);
    }

    public void RaiseEverything(FileEventKind kind)
    {
        foreach (var source in Sources())
            source.Sink(IFileEventSource.Everything, "", kind);
    }

    /// <summary>Whether the directory of the path is watched.</summary>
    public bool Watches(string path) => Directories.Contains(Path.GetDirectoryName(path)!);

    public IReadOnlyCollection<string> Directories => [.. Sources().SelectMany(source => source.Directories()).Order(StringComparer.Ordinal)];

    private Source[] Sources()
    {
        lock (_lock)
            return [.. _open];
    }

    private sealed class Source(ScriptedEvents script, OnFileEvent sink) : IFileEventSource
    {
        private readonly Dictionary<int, (string Directory, bool Contents)> _watches = [];
        private int _last;

        public OnFileEvent Sink { get; } = sink;

        public string[] Directories()
        {
            lock (script._lock)
                return [.. _watches.Values.Select(watch => watch.Directory)];
        }

        public int Watch(string directory, bool contents)
        {
            if (script.WatchFails(directory) is { } failure)
                throw failure;
            int added;
            lock (script._lock)
            {
                script.Watched++;
                foreach (var (watch, known) in _watches)
                {
                    if (known.Directory == directory)
                    {
                        _watches[watch] = (directory, known.Contents || contents);
                        return watch;
                    }
                }

                added = ++_last;
                _watches[added] = (directory, contents);
            }

            script.BeforeTold(directory);
            return added;
        }

        public void Unwatch(int watch)
        {
            lock (script._lock)
                _watches.Remove(watch);
        }

        public void Raise(string directory, string name, FileEventKind kind)
        {
            var needsContents = name.Length > 0 && kind is FileEventKind.Written or FileEventKind.Attributes;
            int[] concerned;
            lock (script._lock)
                concerned = [.. _watches.Where(watch => watch.Value.Directory == directory && (watch.Value.Contents || !needsContents)).Select(watch => watch.Key)];
            foreach (var watch in concerned)
                Sink(watch, name, kind);
        }

        public void Dispose()
        {
            lock (script._lock)
                script._open.Remove(this);
        }
    }
}
