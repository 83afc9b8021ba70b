using Akka.Actor;
using Akka.Event;
using CertActors.Watching.Sources;

namespace CertActors.Watching;

/// <summary>To <see cref="FileWatchActor"/>: something happened at a path step. At most one a step waits to be acknowledged.</summary>
/// <param name="Watches">Where it's from: one that was given up may still speak.</param>
/// <param name="Step">The step; null if <paramref name="Kind"/> concerns all.</param>
/// <param name="Kind">What happened.</param>
internal sealed record FileEvent(WatchTable Watches, WatchedStep? Step, FileEventKind Kind)
    : INoSerializationVerificationNeeded, IDeadLetterSuppression
{
    public override string ToString() => $"{nameof(FileEvent)} {Kind} {Step?.Directory.Path} {Step?.Name}";
}
