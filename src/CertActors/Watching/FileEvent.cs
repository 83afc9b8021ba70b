using Akka.Event;

namespace CertActors.Watching;

/// <summary>What happened, as fsnotify has it. For logs and tests: every kind counts alike, and a source that can't tell two apart says the likelier.</summary>
internal enum FileEventKind
{
    Created,
    Written,
    Removed,
    Renamed,
    Attributes,

    /// <summary>Events of the directory were lost; it is still watched.</summary>
    Overflow,

    /// <summary>The source reports nothing any more.</summary>
    WatchLost,
}

/// <summary>Something happened to a name in a directory.</summary>
/// <param name="Directory">The directory, as it was named to the source; empty if <paramref name="Kind"/> concerns all.</param>
/// <param name="Name">The entry; empty if <paramref name="Kind"/> concerns the whole directory.</param>
/// <param name="Kind">What happened.</param>
internal sealed record FileEvent(string Directory, string Name, FileEventKind Kind) : IDeadLetterSuppression;

/// <summary>Reports what happens to the names that it is told of. Calls may block; they may come from any thread, also after the end.</summary>
internal interface IFileEventSource : IDisposable
{
    /// <summary>Watches these steps for a pair, in the place of those that were named for it before. Events of other names stay out of it.</summary>
    /// <exception cref="IOException">One of them can't be watched.</exception>
    /// <exception cref="UnauthorizedAccessException">One of them may not be watched.</exception>
    void Watch(string pair, IReadOnlyCollection<Hop> hops);
}
