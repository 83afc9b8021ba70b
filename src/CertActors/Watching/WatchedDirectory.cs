using CertActors.Disk;

namespace CertActors.Watching;

/// <summary>A directory that path steps lie in. Guarded by the lock of its <see cref="WatchTable"/>.</summary>
/// <remarks>Thousands of directories hold two or three names each, and one above them holds thousands: the first do without a dictionary.</remarks>
internal sealed class WatchedDirectory(string path)
{
    public const int NotWatched = -1;

    private const int MaxWithoutIndex = 8;

    private WatchedStep? _first;
    private Dictionary<string, WatchedStep>? _index;

    public string Path { get; } = path;

    /// <summary>The source's number; <see cref="NotWatched"/> while it isn't watched.</summary>
    public int WatchDescriptor { get; set; } = NotWatched;

    /// <summary>Which directory was found at the path when it was last watched.</summary>
    public FileIdentity Identity { get; set; }

    /// <summary>Whether the watch may have ended without our being told.</summary>
    public bool IsInDoubt { get; set; }

    /// <summary>Whether what is written in it is told.</summary>
    public bool Contents { get; set; }

    /// <summary>The same directory, or the next of them, under another path: they share the watch.</summary>
    public WatchedDirectory? Twin { get; set; }

    public IEnumerable<WatchedStep> Steps => _index?.Values ?? Chain();

    public bool IsWatchedFor(PathStep step) => WatchDescriptor != NotWatched && !IsInDoubt && Identity == step.DirectoryIdentity && (Contents || !step.Contents);

    public WatchedStep? Find(ReadOnlySpan<char> name)
    {
        if (_index is not null)
            return _index.GetAlternateLookup<ReadOnlySpan<char>>().TryGetValue(name, out var found) ? found : null;
        var step = _first;
        while (step is not null && !name.SequenceEqual(step.Name))
            step = step.Next;
        return step;
    }

    public WatchedStep Add(PathStep step)
    {
        // The names of files are few, and the same for all pairs; those of directories are many.
        var added = new WatchedStep(this, step.Contents ? string.Intern(step.Name) : step.Name);
        if (_index is null && Chain().Count() < MaxWithoutIndex)
        {
            added.Next = _first;
            _first = added;
            return added;
        }

        _index ??= Chain().ToDictionary(each => each.Name, StringComparer.Ordinal);
        _index.Add(added.Name, added);
        _first = null;
        return added;
    }

    public void Remove(WatchedStep step)
    {
        if (_index is not null)
            _index.Remove(step.Name);
        else if (_first == step)
            _first = step.Next;
        else
            Chain().First(each => each.Next == step).Next = step.Next;
    }

    private IEnumerable<WatchedStep> Chain()
    {
        for (var step = _first; step is not null; step = step.Next)
            yield return step;
    }
}

/// <summary>A path step that pairs go by. Guarded by the lock of its <see cref="WatchTable"/>.</summary>
internal sealed class WatchedStep(WatchedDirectory directory, string name)
{
    // One pair, as most have, or a list of them.
    private object? _pairs;

    public WatchedDirectory Directory { get; } = directory;

    public string Name { get; } = name;

    /// <summary>The next of its directory, as long as that has few.</summary>
    public WatchedStep? Next { get; set; }

    /// <summary>An event of it isn't acknowledged yet.</summary>
    public bool IsPending { get; set; }

    public WatchedPair[] Pairs => _pairs switch
    {
        WatchedPair one => [one],
        List<WatchedPair> many => [.. many],
        _ => [],
    };

    public void Add(WatchedPair pair)
    {
        switch (_pairs)
        {
            case null:
                _pairs = pair;
                break;
            case WatchedPair one:
                _pairs = new List<WatchedPair> { one, pair };
                break;
            case List<WatchedPair> many:
                many.Add(pair);
                break;
        }
    }

    /// <returns>Whether it was the last.</returns>
    public bool Remove(WatchedPair pair)
    {
        if (_pairs is List<WatchedPair> many)
        {
            many.Remove(pair);
            return many.Count == 0;
        }

        _pairs = null;
        return true;
    }
}
