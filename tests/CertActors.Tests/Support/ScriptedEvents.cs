using CertActors.Watching;

namespace CertActors.Tests.Support;

/// <summary>An event source that says what the test tells it to, about what it was told to watch.</summary>
internal sealed class ScriptedEvents
{
    private readonly List<Source> _open = [];

    /// <summary>Why no source can be made; null if one can.</summary>
    public Exception? Unavailable { get; set; }

    /// <summary>Why nothing can be watched; null if it can.</summary>
    public Exception? WatchFails { get; set; }

    /// <summary>How many times a source was asked for.</summary>
    public int Opened { get; private set; }

    /// <summary>How many sources are open.</summary>
    public int OpenNow => _open.Count;

    public IFileEventSource Open(Action<FileEvent> sink)
    {
        Opened++;
        if (Unavailable is not null)
            throw Unavailable;
        var source = new Source(this, sink);
        _open.Add(source);
        return source;
    }

    /// <summary>Something happened to a path: told if it's watched, as a real source does.</summary>
    public void Raise(string path, FileEventKind kind)
    {
        foreach (var source in _open.ToArray())
            source.Raise(Path.GetDirectoryName(path)!, Path.GetFileName(path), kind);
    }

    public void Overflow(string directory) => RaiseAll(new FileEvent(directory, "", FileEventKind.Overflow));

    public void Lose() => RaiseAll(new FileEvent("/certs", "", FileEventKind.WatchLost));

    /// <summary>Whether events of the path would be told.</summary>
    public bool Watches(string path) =>
        _open.Any(source => source.Watches(Path.GetDirectoryName(path)!, Path.GetFileName(path)));

    private void RaiseAll(FileEvent happened)
    {
        foreach (var source in _open.ToArray())
            source.Sink(happened);
    }

    private sealed class Source(ScriptedEvents script, Action<FileEvent> sink) : IFileEventSource
    {
        private readonly Dictionary<string, IReadOnlyCollection<Hop>> _hops = [];

        public Action<FileEvent> Sink { get; } = sink;

        public void Watch(string pair, IReadOnlyCollection<Hop> hops)
        {
            if (script.WatchFails is not null)
                throw script.WatchFails;
            _hops[pair] = hops;
        }

        public bool Watches(string directory, string name) =>
            _hops.Values.SelectMany(hops => hops).Any(hop => hop.Directory == directory && hop.Name == name);

        public void Raise(string directory, string name, FileEventKind kind)
        {
            if (Watches(directory, name))
                Sink(new FileEvent(directory, name, kind));
        }

        public void Dispose() => script._open.Remove(this);
    }
}
