using Akka.Actor;
using Akka.Dispatch;
using Akka.Event;
using CertActors.Reloading;
using CertActors.Supervision;

namespace CertActors.Debouncing;

/// <summary>A pair's path was touched: something on it may have changed.</summary>
/// <param name="Pair">The pair's name.</param>
/// <param name="Reason">Why it is thought so.</param>
internal sealed record PairTouched(string Pair, ReloadReason Reason) : IDeadLetterSuppression;

/// <summary>
/// Turns many touches into one load. Each touch starts the pair's debounce window anew; the first one also starts a timer that none restarts,
/// so that a pair that is never left alone is loaded too. Whichever ends first is the end of both.
/// </summary>
internal sealed class DebounceActor : UntypedActor, IWithTimers, IRequiresMessageQueue<IUnboundedMessageQueueSemantics>
{
    private readonly CertificateRegistry _registry;

    // Of each pair that waits: what touched it first is why it's loaded.
    private readonly Dictionary<string, ReloadReason> _reasons = new(StringComparer.Ordinal);

    public DebounceActor(CertificateRegistry registry)
    {
        _registry = registry;
    }

    private sealed record DebounceElapsed(string Pair) : IDeadLetterSuppression;

    public ITimerScheduler Timers { get; set; } = null!;

    protected override void OnReceive(object message)
    {
        switch (message)
        {
            case PairTouched touched:
                OnTouched(touched);
                break;
            case DebounceElapsed elapsed:
                Timers.Cancel(WindowKey(elapsed.Pair));
                Timers.Cancel(MaxKey(elapsed.Pair));
                _reasons.Remove(elapsed.Pair, out var reason);
                Context.ActorSelection(CertificateSupervisor.PathToPair(elapsed.Pair)).Tell(new Reload(reason));
                break;
            default:
                Unhandled(message);
                break;
        }
    }

    private void OnTouched(PairTouched touched)
    {
        var pair = _registry.Find(touched.Pair).Options;
        var elapsed = new DebounceElapsed(touched.Pair);
        _reasons.TryAdd(pair.Name, touched.Reason);
        Timers.StartSingleTimer(WindowKey(pair.Name), elapsed, pair.DebounceWindow);
        if (!Timers.IsTimerActive(MaxKey(pair.Name)))
            Timers.StartSingleTimer(MaxKey(pair.Name), elapsed, pair.MaxDebounce);
    }

    private static (string, string) WindowKey(string pair) => (nameof(CertificateOptions.DebounceWindow), pair);

    private static (string, string) MaxKey(string pair) => (nameof(CertificateOptions.MaxDebounce), pair);
}
