using CertActors.Disk;
using CertActors.Watching.Sources;

namespace CertActors.Watching;

/// <summary>
/// What an event source watches, and for which pairs. Pairs that share directories share watches; what nobody asked for is dropped on the
/// source's own thread.
/// </summary>
internal sealed class WatchTable
{
    private readonly Lock _lock = new();
    private readonly Action<FileEvent> _sink;
    private readonly IFileEventSource _source;
    private readonly Dictionary<string, WatchedDirectory> _directories = new(StringComparer.Ordinal);
    private readonly Dictionary<int, WatchedDirectory> _watches = [];
    private readonly HashSet<int> _endedMeanwhile = [];
    private int _watching;
    private bool _allPending;
    private bool _closed;

    /// <exception cref="IOException">There are no events to be had.</exception>
    public WatchTable(Func<OnFileEvent, IFileEventSource> open, Action<FileEvent> sink)
    {
        _sink = sink;
        _source = open(OnEvent);
    }

    /// <summary>Watches these path steps for a pair, in the place of those before. What can be watched is, also if another can't.</summary>
    /// <exception cref="IOException">One of them can't be watched.</exception>
    /// <exception cref="UnauthorizedAccessException">One of them may not be watched.</exception>
    public void Watch(WatchedPair pair, IReadOnlyCollection<PathStep> steps)
    {
        PathStep[] unwatched;
        lock (_lock)
        {
            if (_closed)
                return;
            Replace(pair, steps);
            unwatched = [.. steps.Where(step => !_directories[step.Directory].IsWatchedFor(step))];
            if (_watching++ == 0)
                _endedMeanwhile.Clear();
        }

        // Outside the lock: a path on a dead disk may hold up the call, and is to hold up nobody else.
        Exception? first = null;
        foreach (var step in unwatched)
        {
            try
            {
                Watch(step);
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

    /// <summary>The pairs that an event concerns; null stands for all. From now on, the next event of its step is emitted again.</summary>
    public IReadOnlyCollection<WatchedPair>? Acknowledge(FileEvent happened)
    {
        lock (_lock)
        {
            if (happened.Step is { } step)
            {
                step.IsPending = false;
                return step.Pairs;
            }

            _allPending = false;
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

    private void Replace(WatchedPair pair, IReadOnlyCollection<PathStep> steps)
    {
        var before = pair.Watches == this ? pair.Steps : [];
        var next = steps.Select(StepOf).Distinct().ToArray();
        (pair.Watches, pair.Steps) = (this, next);
        foreach (var step in next.Except(before))
            step.Add(pair);
        foreach (var step in before.Except(next))
        {
            if (step.Remove(pair))
                Forget(step);
        }
    }

    private WatchedStep StepOf(PathStep step)
    {
        if (!_directories.TryGetValue(step.Directory, out var directory))
            _directories[step.Directory] = directory = new WatchedDirectory(step.Directory);
        return directory.Find(step.Name) ?? directory.Add(step);
    }

    private void Forget(WatchedStep step)
    {
        var directory = step.Directory;
        directory.Remove(step);
        if (directory.Steps.Any())
            return;
        _directories.Remove(directory.Path);
        Unassign(directory);
    }

    private void Watch(PathStep step)
    {
        const int maxTries = 5;

        for (var tries = 0; tries < maxTries; tries++)
        {
            var watch = _source.Watch(step.Directory, step.Contents);
            lock (_lock)
            {
                // It may have ended before we came to know its number: nobody would be told of that.
                if (_endedMeanwhile.Contains(watch))
                    continue;
                Assign(step, watch);
                return;
            }
        }

        throw new DirectoryNotFoundException($"{step.Directory} went away each time it was watched");
    }

    private void Assign(PathStep step, int watch)
    {
        if (_closed)
            return;
        var directory = _directories.GetValueOrDefault(step.Directory);
        if (directory is null || (directory.WatchDescriptor != watch && directory.IsWatchedFor(step)))
        {
            // Nobody wants it any more, or another thread was faster.
            if (!_watches.ContainsKey(watch))
                Unwatch(watch);
            return;
        }

        if (directory.WatchDescriptor != watch)
        {
            Unassign(directory);
            directory.WatchDescriptor = watch;
            directory.Twin = _watches.GetValueOrDefault(watch);
            directory.Contents = directory.Twin is { Contents: true };
            _watches[watch] = directory;
        }

        directory.Identity = step.DirectoryIdentity;
        directory.IsInDoubt = false;
        directory.Contents |= step.Contents;
    }

    private void Unassign(WatchedDirectory directory)
    {
        var watch = directory.WatchDescriptor;
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

        directory.WatchDescriptor = WatchedDirectory.NotWatched;
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
                EmitAll(kind);
            else if (name.IsEmpty)
                OnDirectoryEvent(watch, kind);
            else
                OnEntryEvent(watch, name, kind);
        }
    }

    private void EmitAll(FileEventKind kind)
    {
        if (_allPending && kind != FileEventKind.WatchLost)
            return;
        _allPending = true;

        // What was lost may be the end of a watch: each is asked for once more when its pairs are looked at.
        foreach (var directory in _directories.Values)
            directory.IsInDoubt = true;
        _sink(new FileEvent(this, Step: null, kind));
    }

    private void OnEntryEvent(int watch, ReadOnlySpan<char> name, FileEventKind kind)
    {
        for (var directory = _watches.GetValueOrDefault(watch); directory is not null; directory = directory.Twin)
        {
            if (directory.Find(name) is { } step)
                Emit(step, kind);
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
            foreach (var step in directory.Steps)
                Emit(step, kind);
        }
    }

    private void Emit(WatchedStep step, FileEventKind kind)
    {
        if (step.IsPending)
            return;
        step.IsPending = true;
        _sink(new FileEvent(this, step, kind));
    }
}
