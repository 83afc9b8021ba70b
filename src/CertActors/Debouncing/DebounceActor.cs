using Akka.Actor;
using Akka.Dispatch;
using Akka.Event;
using CertActors.Reloading;
using CertActors.Supervision;

namespace CertActors.Debouncing;

/// <summary>A pair's path was touched: something on it may have changed.</summary>
/// <param name="Pair">The pair's name.</param>
/// <param name="Why">Why it is thought so.</param>
internal sealed record PairTouched(string Pair, ReloadReason Why) : IDeadLetterSuppression;

/// <summary>
/// Turns many touches into one load. Each touch starts the pair's settle window anew; the first one also starts a timer that none restarts,
/// so that a pair that is never left alone is loaded too. Whichever ends first is the end of both.
/// </summary>
internal sealed class DebounceActor : UntypedActor, IWithTimers, IRequiresMessageQueue<IUnboundedMessageQueueSemantics>
{
    private readonly CertificateRegistry _registry;

    // Of each pair that waits: what touched it first is why it's loaded.
    private readonly Dictionary<string, ReloadReason> _why = new(StringComparer.Ordinal);

    public DebounceActor(CertificateRegistry registry)
    {
        _registry = registry;
    }

    private sealed record Settled(string Pair) : IDeadLetterSuppression;

    public ITimerScheduler Timers { get; set; } = null!;

    protected override void OnReceive(object message)
    {
        switch (message)
        {
            case PairTouched touched:
                OnTouched(touched);
                break;
            case Settled settled:
                Timers.Cancel(SettleKey(settled.Pair));
                Timers.Cancel(LongestKey(settled.Pair));
                _why.Remove(settled.Pair, out var why);
                Context.ActorSelection(CertificateSupervisor.PathToPair(settled.Pair)).Tell(new Reload(why));
                break;
            default:
                Unhandled(message);
                break;
        }
    }

    private void OnTouched(PairTouched touched)
    {
        var pair = _registry.Find(touched.Pair).Options;
        var settled = new Settled(touched.Pair);
        _why.TryAdd(pair.Name, touched.Why);
        Timers.StartSingleTimer(SettleKey(pair.Name), settled, pair.SettleWindow);
        if (!Timers.IsTimerActive(LongestKey(pair.Name)))
            Timers.StartSingleTimer(LongestKey(pair.Name), settled, pair.LongestSettle);
    }

    private static (string, string) SettleKey(string pair) => (nameof(CertificateOptions.SettleWindow), pair);

    private static (string, string) LongestKey(string pair) => (nameof(CertificateOptions.LongestSettle), pair);
}
