using CertActors.Disk;
using CertActors.Watching.Sources;

namespace CertActors.Watching;

/// <summary>
/// What an event source watches, and for which pairs. Pairs that share directories share watches; what nobody asked for is dropped on the
/// source's own thread.
/// </summary>
internal sealed class HopWatches
{
    private readonly Lock _lock = new();
    private readonly Action<FileEvent> _sink;
    private readonly IFileEventSource _source;
    private readonly Dictionary<string, WatchedDirectory> _directories = new(StringComparer.Ordinal);
    private readonly Dictionary<int, WatchedDirectory> _watches = [];
    private readonly HashSet<int> _endedMeanwhile = [];
    private int _watching;
    private bool _allUnread;
    private bool _closed;

    /// <exception cref="IOException">There are no events to be had.</exception>
    public HopWatches(Func<OnFileEvent, IFileEventSource> open, Action<FileEvent> sink)
    {
        _sink = sink;
        _source = open(OnEvent);
    }

    /// <summary>Watches these hops for a pair, in the place of those before. What can be watched is, also if another can't.</summary>
    /// <exception cref="IOException">One of them can't be watched.</exception>
    /// <exception cref="UnauthorizedAccessException">One of them may not be watched.</exception>
    public void Watch(WatchedPair pair, IReadOnlyCollection<Hop> hops)
    {
        Hop[] unwatched;
        lock (_lock)
        {
            if (_closed)
                return;
            Replace(pair, hops);
            unwatched = [.. hops.Where(hop => !_directories[hop.Directory].IsWatchedFor(hop))];
            if (_watching++ == 0)
                _endedMeanwhile.Clear();
        }

        // Outside the lock: a path on a dead disk may hold up the call, and is to hold up nobody else.
        Exception? first = null;
        foreach (var hop in unwatched)
        {
            try
            {
                Watch(hop);
            }
            catch (Exception error) when (error is IOException or UnauthorizedAccessException)
            {
                first ??= error;
            }
        }

        lock (_lock)
        {
            _watching--;
        }

        if (first is not null)
            throw first;
    }

    /// <summary>The pairs that an event concerns; null stands for all. From now on, the next event of its hop is told again.</summary>
    public IReadOnlyCollection<WatchedPair>? Read(FileEvent happened)
    {
        lock (_lock)
        {
            if (happened.Hop is { } hop)
            {
                hop.IsUnread = false;
                return hop.Pairs;
            }

            _allUnread = false;
            return null;
        }
    }

    /// <summary>Ends all watches; nothing is told from now on. Once is enough.</summary>
    public void Close()
    {
        lock (_lock)
        {
            if (_closed)
                return;
            _closed = true;
        }

        _source.Dispose();
    }

    private void Replace(WatchedPair pair, IReadOnlyCollection<Hop> hops)
    {
        var before = pair.Watches == this ? pair.Hops : [];
        var next = hops.Select(HopOf).Distinct().ToArray();
        (pair.Watches, pair.Hops) = (this, next);
        foreach (var hop in next.Except(before))
            hop.Add(pair);
        foreach (var hop in before.Except(next))
        {
            if (hop.Remove(pair))
                Forget(hop);
        }
    }

    private WatchedHop HopOf(Hop hop)
    {
        if (!_directories.TryGetValue(hop.Directory, out var directory))
            _directories[hop.Directory] = directory = new WatchedDirectory(hop.Directory);
        return directory.Find(hop.Name) ?? directory.Add(hop);
    }

    private void Forget(WatchedHop hop)
    {
        var directory = hop.Directory;
        directory.Remove(hop);
        if (directory.Hops.Any())
            return;
        _directories.Remove(directory.Path);
        Unassign(directory);
    }

    private void Watch(Hop hop)
    {
        const int mostTries = 5;

        for (var tries = 0; tries < mostTries; tries++)
        {
            var watch = _source.Watch(hop.Directory, hop.Contents);
            lock (_lock)
            {
                // It may have ended before we came to know its number: nobody would be told of that.
                if (_endedMeanwhile.Contains(watch))
                    continue;
                Assign(hop, watch);
                return;
            }
        }

        throw new DirectoryNotFoundException($"{hop.Directory} went away each time it was watched");
    }

    private void Assign(Hop hop, int watch)
    {
        if (_closed)
            return;
        var directory = _directories.GetValueOrDefault(hop.Directory);
        if (directory is null || (directory.Watch != watch && directory.IsWatchedFor(hop)))
        {
            // Nobody wants it any more, or another thread was faster.
            if (!_watches.ContainsKey(watch))
                Unwatch(watch);
            return;
        }

        if (directory.Watch != watch)
        {
            Unassign(directory);
            directory.Watch = watch;
            directory.Twin = _watches.GetValueOrDefault(watch);
            directory.Contents = directory.Twin is { Contents: true };
            _watches[watch] = directory;
        }

        directory.Identity = hop.DirectoryIdentity;
        directory.IsInDoubt = false;
        directory.Contents |= hop.Contents;
    }

    private void Unassign(WatchedDirectory directory)
    {
        var watch = directory.Watch;
        if (watch == WatchedDirectory.NotWatched)
            return;

        WatchedDirectory? others = null;
        for (var (each, next) = (_watches[watch], _watches[watch].Twin); ; (each, next) = (next, next.Twin))
        {
            if (each != directory)
            {
                each.Twin = others;
                others = each;
            }

            if (next is null)
                break;
        }

        directory.Watch = WatchedDirectory.NotWatched;
        directory.Twin = null;
        directory.Contents = false;
        if (others is not null)
        {
            _watches[watch] = others;
            return;
        }

        _watches.Remove(watch);
        Unwatch(watch);
    }

    private void Unwatch(int watch)
    {
        _endedMeanwhile.Add(watch);
        _source.Unwatch(watch);
    }

    private void OnEvent(int watch, ReadOnlySpan<char> name, FileEventKind kind)
    {
        lock (_lock)
        {
            if (_closed)
                return;
            if (watch == IFileEventSource.Everything)
                TellAll(kind);
            else if (name.IsEmpty)
                OnDirectoryEvent(watch, kind);
            else
                OnEntryEvent(watch, name, kind);
        }
    }

    private void TellAll(FileEventKind kind)
    {
        if (_allUnread && kind != FileEventKind.WatchLost)
            return;
        _allUnread = true;

        // What was lost may be the end of a watch: each is asked for once more when its pairs are looked at.
        foreach (var directory in _directories.Values)
            directory.IsInDoubt = true;
        _sink(new FileEvent(this, Hop: null, kind));
    }

    private void OnEntryEvent(int watch, ReadOnlySpan<char> name, FileEventKind kind)
    {
        for (var directory = _watches.GetValueOrDefault(watch); directory is not null; directory = directory.Twin)
        {
            if (directory.Find(name) is { } hop)
                Tell(hop, kind);
        }
    }

    private void OnDirectoryEvent(int watch, FileEventKind kind)
    {
        List<WatchedDirectory> concerned = [];
        for (var directory = _watches.GetValueOrDefault(watch); directory is not null; directory = directory.Twin)
            concerned.Add(directory);

        // Its path leads elsewhere from now on: whatever is there is to be watched anew.
        var hasEnded = kind is FileEventKind.Removed or FileEventKind.Renamed or FileEventKind.WatchLost;
        if (hasEnded && concerned.Count == 0)
            Unwatch(watch);
        foreach (var directory in concerned)
        {
            if (hasEnded)
                Unassign(directory);
            foreach (var hop in directory.Hops)
                Tell(hop, kind);
        }
    }

    private void Tell(WatchedHop hop, FileEventKind kind)
    {
        if (hop.IsUnread)
            return;
        hop.IsUnread = true;
        _sink(new FileEvent(this, hop, kind));
    }
}
