using Akka.Actor;
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

    /// <summary>Events were lost; the watch goes on.</summary>
    Overflow,

    /// <summary>Something was mounted or unmounted, over whatever directory: no other event tells of it.</summary>
    Mounts,

    /// <summary>The watch reports nothing any more.</summary>
    WatchLost,
}

/// <summary>To <see cref="FileWatchActor"/>: something happened at a hop. At most one a hop waits to be read.</summary>
/// <param name="Watches">Where it's from: one that was given up may still speak.</param>
/// <param name="Hop">The hop; null if <paramref name="Kind"/> concerns all.</param>
/// <param name="Kind">What happened.</param>
internal sealed record FileEvent(HopWatches Watches, WatchedHop? Hop, FileEventKind Kind)
    : INoSerializationVerificationNeeded, IDeadLetterSuppression
{
    public override string ToString() => $"{nameof(FileEvent)} {Kind} {Hop?.Directory.Path} {Hop?.Name}";
}
