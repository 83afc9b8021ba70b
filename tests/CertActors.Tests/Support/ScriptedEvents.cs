using CertActors.Watching;

namespace CertActors.Tests.Support;

/// <summary>An event source that says what the test tells it to, about the directories that it was told to watch.</summary>
internal sealed class ScriptedEvents
{
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
        _open.Add(source);
        return source;
    }

    /// <summary>Something happened to a path: told if its directory is watched for it.</summary>
    public void Raise(string path, FileEventKind kind)
    {
        foreach (var source in _open.ToArray())
            source.Raise(Path.GetDirectoryName(path)!, Path.GetFileName(path), kind);
    }

    /// <summary>Something happened to a directory itself.</summary>
    public void RaiseDirectory(string directory, FileEventKind kind)
    {
        foreach (var source in _open.ToArray())
            source.Raise(directory, "", kind);
    }

    public void RaiseEverything(FileEventKind kind)
    {
        foreach (var source in _open.ToArray())
            source.Sink(IFileEventSource.Everything, "", kind);
    }

    /// <summary>Whether the directory of the path is watched.</summary>
    public bool Watches(string path) => Directories.Contains(Path.GetDirectoryName(path)!);

    public IReadOnlyCollection<string> Directories => [.. _open.SelectMany(source => source.Directories).Order(StringComparer.Ordinal)];

    private sealed class Source(ScriptedEvents script, OnFileEvent sink) : IFileEventSource
    {
        private readonly Dictionary<int, (string Directory, bool Contents)> _watches = [];
        private int _last;

        public OnFileEvent Sink { get; } = sink;

        public IEnumerable<string> Directories => _watches.Values.Select(watch => watch.Directory);

        public int Watch(string directory, bool contents)
        {
            if (script.WatchFails(directory) is { } failure)
                throw failure;
            script.Watched++;
            foreach (var (watch, known) in _watches)
            {
                if (known.Directory == directory)
                {
                    _watches[watch] = (directory, known.Contents || contents);
                    return watch;
                }
            }

            var added = ++_last;
            _watches[added] = (directory, contents);
            script.BeforeTold(directory);
            return added;
        }

        public void Unwatch(int watch) => _watches.Remove(watch);

        public void Raise(string directory, string name, FileEventKind kind)
        {
            var needsContents = name.Length > 0 && kind is FileEventKind.Written or FileEventKind.Attributes;
            foreach (var (watch, known) in _watches.ToArray())
            {
                if (known.Directory == directory && (known.Contents || !needsContents))
                    Sink(watch, name, kind);
            }
        }

        public void Dispose() => script._open.Remove(this);
    }
}
