using Akka.Actor;
using Akka.Event;
using CertActors.Watching.Sources;

namespace CertActors.Watching;

/// <summary>To <see cref="FileWatchActor"/>: something happened at a hop. At most one a hop waits to be read.</summary>
/// <param name="Watches">Where it's from: one that was given up may still speak.</param>
/// <param name="Hop">The hop; null if <paramref name="Kind"/> concerns all.</param>
/// <param name="Kind">What happened.</param>
internal sealed record FileEvent(HopWatches Watches, WatchedHop? Hop, FileEventKind Kind)
    : INoSerializationVerificationNeeded, IDeadLetterSuppression
{
    public override string ToString() => $"{nameof(FileEvent)} {Kind} {Hop?.Directory.Path} {Hop?.Name}";
}
