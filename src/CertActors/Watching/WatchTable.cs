using System.Collections.Immutable;
using CertActors.Disk;
using CertActors.Watching.Sources;

namespace CertActors.Watching;

/// <summary>
/// What an event source watches, and for which files. Files that share directories share watches. Events of names that no path has are dropped on
/// the thread of the source. May be called from any thread.
/// </summary>
internal sealed class WatchTable
{
    private readonly Lock _lock = new();
    private readonly Action<FileEvent> _sink;
    private readonly WatchEventCounter _counter;
    private readonly IFileEventSource _source;
    private readonly Dictionary<string, WatchedDirectory> _directories;

    private readonly Dictionary<WatchedFiles, WatchedStep[]> _steps;

    // By watch descriptor: one directory, or all the paths of it that are watched (a bind mount makes a second path).
    private readonly Dictionary<int, ImmutableArray<WatchedDirectory>> _watched;

    // The watches that ended since the first of the calls of Watch in progress began.
    private readonly HashSet<int> _endedMeanwhile = [];
    private int _callsInProgress;
    private bool _isAllPending;
    private bool _isClosed;

    /// <param name="open">Opens the event source.</param>
    /// <param name="sink">Gets the events, on the thread of the source.</param>
    /// <param name="counter">Counts the events.</param>
    /// <param name="capacity">How many files will be watched, each usually in a directory of its own: tables that grow to it would take twice the memory.</param>
    /// <exception cref="IOException">No event source is available.</exception>
    public WatchTable(Func<OnFileEvent, IFileEventSource> open, Action<FileEvent> sink, WatchEventCounter counter, int capacity)
    {
        (_sink, _counter) = (sink, counter);
        _directories = new(capacity, StringComparer.Ordinal);
        _steps = new(capacity);
        _watched = new(capacity);
        _source = open(OnEvent);
    }

    /// <summary>Watches these path steps for the files, instead of the ones before. If one step cannot be watched, the others are still watched.</summary>
    /// <exception cref="IOException">One of them cannot be watched.</exception>
    /// <exception cref="UnauthorizedAccessException">One of them may not be watched.</exception>
    public void Watch(WatchedFiles files, IReadOnlyCollection<PathStep> steps)
    {
        PathStep[] unwatched;
        lock (_lock)
        {
            if (_isClosed)
                return;
            Replace(files, steps);
            unwatched = [.. steps.Where(step => !_directories[step.Directory].IsWatchedFor(step))];
            if (_callsInProgress++ == 0)
                _endedMeanwhile.Clear();
        }

        // Outside the lock: a path on a dead disk may block the call, and must not block other files.
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
            _callsInProgress--;
        }

        if (first is not null)
            throw first;
    }

    /// <summary>Lets the next event of the same step be emitted.</summary>
    /// <returns>The files that the event concerns; null if it concerns all.</returns>
    public WatchedFiles[]? Acknowledge(FileEvent happened)
    {
        lock (_lock)
        {
            if (happened.Step is { } step)
            {
                step.IsPending = false;
                return step.Users;
            }

            _isAllPending = false;
            return null;
        }
    }

    /// <summary>Ends all watches. No event is emitted from now on. Further calls do nothing.</summary>
    public void Close()
    {
        lock (_lock)
        {
            if (_isClosed)
                return;
            _isClosed = true;
        }

        _source.Dispose();
    }

    private void Replace(WatchedFiles files, IReadOnlyCollection<PathStep> steps)
    {
        var before = _steps.GetValueOrDefault(files, []);
        var next = steps.Select(StepOf).Distinct().ToArray();
        if (next.Length > 0)
            _steps[files] = next;
        else
            _steps.Remove(files);
        foreach (var step in next.Except(before))
            step.Add(files);
        foreach (var step in before.Except(next))
        {
            step.Remove(files);
            if (!step.HasUsers)
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
        if (directory.Steps.Count > 0)
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
                // It may have ended before its descriptor was known here, and the event of that was dropped.
                if (_endedMeanwhile.Contains(watch))
                    continue;
                Assign(step, watch);
                return;
            }
        }

        throw new DirectoryNotFoundException($"{step.Directory} was removed or replaced during each of {maxTries} attempts to watch it");
    }

    private void Assign(PathStep step, int watch)
    {
        if (_isClosed)
            return;
        var directory = _directories.GetValueOrDefault(step.Directory);
        if (directory is null || (directory.WatchDescriptor != watch && directory.IsWatchedFor(step)))
        {
            // No path has it any more, or another thread has watched it meanwhile.
            if (!_watched.ContainsKey(watch))
                Unwatch(watch);
            return;
        }

        if (directory.WatchDescriptor != watch)
        {
            Unassign(directory);
            var sharing = PathsOf(watch);
            directory.WatchDescriptor = watch;
            directory.Contents = sharing.Any(other => other.Contents);
            _watched[watch] = sharing.Add(directory);
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

        directory.WatchDescriptor = WatchedDirectory.NotWatched;
        directory.Contents = false;
        var others = PathsOf(watch).Remove(directory);
        if (!others.IsEmpty)
        {
            _watched[watch] = others;
            return;
        }

        _watched.Remove(watch);
        Unwatch(watch);
    }

    private void Unwatch(int watch)
    {
        _endedMeanwhile.Add(watch);
        _source.Unwatch(watch);
    }

    private ImmutableArray<WatchedDirectory> PathsOf(int watch) => _watched.GetValueOrDefault(watch, []);

    private void OnEvent(int watch, ReadOnlySpan<char> name, FileEventKind kind)
    {
        lock (_lock)
        {
            if (_isClosed)
                return;
            if (watch == IFileEventSource.Everything)
                EmitForAll(kind);
            else if (name.IsEmpty)
                OnDirectoryEvent(watch, kind);
            else
                OnEntryEvent(watch, name, kind);
        }
    }

    private void EmitForAll(FileEventKind kind)
    {
        if (kind == FileEventKind.Overflow)
            _counter.AddOverflowed();
        if (_isAllPending && kind != FileEventKind.WatchLost)
            return;
        _isAllPending = true;

        // A lost event may be the end of a watch: the next inspection of all files asks for their watches again.
        foreach (var directory in _directories.Values)
            directory.IsInDoubt = true;
        _sink(new FileEvent(this, Step: null, kind));
    }

    private void OnEntryEvent(int watch, ReadOnlySpan<char> name, FileEventKind kind)
    {
        foreach (var directory in PathsOf(watch))
        {
            if (directory.Find(name) is { } step)
                Emit(step, kind);
        }
    }

    private void OnDirectoryEvent(int watch, FileEventKind kind)
    {
        // The path leads to another directory, or to none, from now on: whatever is there is watched by the next inspection.
        var hasEnded = kind is FileEventKind.Removed or FileEventKind.Renamed or FileEventKind.WatchLost;
        var directories = PathsOf(watch);
        if (hasEnded && directories.IsEmpty)
            Unwatch(watch);
        foreach (var directory in directories)
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
        {
            _counter.AddCoalesced();
            return;
        }

        _counter.AddHandled();
        step.IsPending = true;
        _sink(new FileEvent(this, step, kind));
    }
}
