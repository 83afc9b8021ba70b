using CertActors.Disk;

namespace CertActors.Watching;

/// <summary>A directory that hops lie in. Guarded by the lock of its <see cref="HopWatches"/>.</summary>
/// <remarks>Thousands of directories hold two or three names each, and one above them holds thousands: the first do without a dictionary.</remarks>
internal sealed class WatchedDirectory(string path)
{
    public const int NotWatched = -1;

    private const int MostWithoutIndex = 8;

    private WatchedHop? _first;
    private Dictionary<string, WatchedHop>? _index;

    public string Path { get; } = path;

    /// <summary>The source's number; <see cref="NotWatched"/> while it isn't watched.</summary>
    public int Watch { get; set; } = NotWatched;

    /// <summary>Which directory was found at the path when it was last watched.</summary>
    public FileIdentity Identity { get; set; }

    /// <summary>Whether the watch may have ended without our being told.</summary>
    public bool IsInDoubt { get; set; }

    /// <summary>Whether what is written in it is told.</summary>
    public bool Contents { get; set; }

    /// <summary>The same directory, or the next of them, under another path: they share the watch.</summary>
    public WatchedDirectory? Twin { get; set; }

    public IEnumerable<WatchedHop> Hops => _index?.Values ?? Chain();

    public bool IsWatchedFor(Hop hop) => Watch != NotWatched && !IsInDoubt && Identity == hop.DirectoryIdentity && (Contents || !hop.Contents);

    public WatchedHop? Find(ReadOnlySpan<char> name)
    {
        if (_index is not null)
            return _index.GetAlternateLookup<ReadOnlySpan<char>>().TryGetValue(name, out var found) ? found : null;
        var hop = _first;
        while (hop is not null && !name.SequenceEqual(hop.Name))
            hop = hop.Next;
        return hop;
    }

    public WatchedHop Add(Hop hop)
    {
        // The names of files are few, and the same for all pairs; those of directories are many.
        var added = new WatchedHop(this, hop.Contents ? string.Intern(hop.Name) : hop.Name);
        if (_index is null && Chain().Count() < MostWithoutIndex)
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

    public void Remove(WatchedHop hop)
    {
        if (_index is not null)
            _index.Remove(hop.Name);
        else if (_first == hop)
            _first = hop.Next;
        else
            Chain().First(each => each.Next == hop).Next = hop.Next;
    }

    private IEnumerable<WatchedHop> Chain()
    {
        for (var hop = _first; hop is not null; hop = hop.Next)
            yield return hop;
    }
}

/// <summary>A hop that pairs go by. Guarded by the lock of its <see cref="HopWatches"/>.</summary>
internal sealed class WatchedHop(WatchedDirectory directory, string name)
{
    // One pair, as most have, or a list of them.
    private object? _pairs;

    public WatchedDirectory Directory { get; } = directory;

    public string Name { get; } = name;

    /// <summary>The next of its directory, as long as that has few.</summary>
    public WatchedHop? Next { get; set; }

    /// <summary>An event of it waits to be read.</summary>
    public bool IsUnread { get; set; }

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
