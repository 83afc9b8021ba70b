using Akka.Actor;
using Akka.Event;
using CertActors.Scheduling;
using CertActors.Watching.Sources;

namespace CertActors.Watching;

/// <summary>The table of watches on the event source. If none is available, or it is lost, it is opened again after a back-off.</summary>
/// <param name="open">Opens an event source.</param>
/// <param name="counter">Counts the events.</param>
/// <param name="actor">Its timers send it <see cref="RetryDue"/>.</param>
/// <param name="self">The same actor, which gets the file events.</param>
internal sealed class EventSourceSlot(Func<OnFileEvent, IFileEventSource> open, WatchEventCounter counter, IWithTimers actor, IActorRef self)
{
    private readonly Backoff _retry = FileWatchActor.NewBackoff();

    /// <summary>To the actor: an event source may be available again.</summary>
    public sealed record RetryDue : IDeadLetterSuppression
    {
        public static readonly RetryDue Instance = new();
    }

    /// <summary>Null while no event source is available.</summary>
    public WatchTable? Watches { get; private set; }

    /// <summary>Why no event source is available; null if one is.</summary>
    public string? Unavailable { get; private set; }

    /// <param name="capacity">How many files will be watched.</param>
    public void Open(int capacity)
    {
        try
        {
            Watches = new WatchTable(open, happened => self.Tell(happened), counter, capacity);
            Unavailable = null;
        }
        catch (Exception error)
        {
            Unavailable = $"no event source is available: {error.Message}";
            RetryLater();
        }
    }

    public void Lose(string reason)
    {
        Close();
        Watches = null;
        Unavailable = reason;
        RetryLater();
    }

    public void Close() => Watches?.Close();

    /// <summary>The event source has lasted, and so works.</summary>
    public void ResetBackoff() => _retry.Reset();

    private void RetryLater() => actor.Timers.StartSingleTimer(nameof(RetryDue), RetryDue.Instance, _retry.Next());
}
