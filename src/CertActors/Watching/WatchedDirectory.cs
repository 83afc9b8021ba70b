using System.Runtime.InteropServices;
using CertActors.Disk;

namespace CertActors.Watching;

/// <summary>A directory of path steps. Guarded by the lock of its <see cref="WatchTable"/>.</summary>
internal sealed class WatchedDirectory(string path)
{
    public const int NotWatched = -1;

    // By name, for a binary search that makes no string of an event's name. A dictionary would take three times the memory in each of thousands of
    // directories with two names.
    private readonly List<WatchedStep> _sorted = new(capacity: 2);

    public string Path { get; } = path;

    /// <summary>The number that the event source gave the watch; <see cref="NotWatched"/> while there is none.</summary>
    public int WatchDescriptor { get; set; } = NotWatched;

    /// <summary>Which directory had the path when it was last watched.</summary>
    public FileIdentity Identity { get; set; }

    /// <summary>Whether the watch may have ended without an event of that.</summary>
    public bool IsInDoubt { get; set; }

    /// <summary>Whether writes to its files are events too.</summary>
    public bool Contents { get; set; }

    public IReadOnlyList<WatchedStep> Steps => _sorted;

    public bool IsWatchedFor(PathStep step) =>
        WatchDescriptor != NotWatched && !IsInDoubt && Identity == step.DirectoryIdentity && (Contents || !step.Contents);

    public WatchedStep? Find(ReadOnlySpan<char> name) => IndexOf(name) is >= 0 and var index ? _sorted[index] : null;

    public WatchedStep Add(PathStep step)
    {
        // The names of files are few, and the same for all; those of directories are many.
        var added = new WatchedStep(this, step.Contents ? string.Intern(step.Name) : step.Name);
        _sorted.Insert(~IndexOf(added.Name), added);
        return added;
    }

    public void Remove(WatchedStep step) => _sorted.RemoveAt(IndexOf(step.Name));

    private int IndexOf(ReadOnlySpan<char> name) => CollectionsMarshal.AsSpan(_sorted).BinarySearch(new NameComparable(name));

    private readonly ref struct NameComparable(ReadOnlySpan<char> name) : IComparable<WatchedStep>
    {
        private readonly ReadOnlySpan<char> _name = name;

        public int CompareTo(WatchedStep? other) => _name.SequenceCompareTo(other!.Name);
    }
}
