using Akka.Actor;
using Akka.Dispatch;
using Akka.Event;
using CertActors.Diagnostics;
using CertActors.Reloading;
using Microsoft.Extensions.Logging;

namespace CertActors.Debouncing;

/// <summary>To <see cref="DebounceActor"/>: something on a pair's path may have changed.</summary>
/// <param name="Pair">The pair's name.</param>
/// <param name="Reason">Why that is assumed.</param>
internal sealed record PairTouched(string Pair, ReloadReason Reason) : IDeadLetterSuppression;

/// <summary>
/// Turns many touches into one load. Each touch starts the pair's debounce window again. The first one also starts a timer that none restarts,
/// so that a pair is loaded although touches never pause. Whichever ends first ends both.
/// </summary>
internal sealed class DebounceActor : UntypedActor, IWithTimers, IRequiresMessageQueue<IUnboundedMessageQueueSemantics>
{
    /// <summary>A pair that is debounced.</summary>
    /// <param name="Options">The pair's <see cref="CertificateOptions.DebounceWindow"/> and <see cref="CertificateOptions.MaxDebounce"/>.</param>
    /// <param name="ReloadActor">Gets <see cref="Reload"/> when the debounce has ended.</param>
    internal sealed record Target(CertificateOptions Options, ICanTell ReloadActor);

    private sealed record DebounceElapsed(string Pair) : IDeadLetterSuppression;

    private readonly IReadOnlyDictionary<string, Target> _targets;
    private readonly ILogger _log;

    // Of each pair that was touched, why it was touched first: that is why it is loaded.
    private readonly Dictionary<string, ReloadReason> _reasons = new(StringComparer.Ordinal);

    /// <param name="targets">The pairs, by name.</param>
    /// <param name="log">The supervisor's.</param>
    public DebounceActor(IReadOnlyDictionary<string, Target> targets, ILogger log)
    {
        _targets = targets;
        _log = log;
    }

    public ITimerScheduler Timers { get; set; } = null!;

    protected override void OnReceive(object message)
    {
        switch (message)
        {
            case PairTouched touched:
                OnTouched(touched);
                break;
            case DebounceElapsed(var pair):
                OnElapsed(pair);
                break;
            default:
                Unhandled(message);
                break;
        }
    }

    private void OnTouched(PairTouched touched)
    {
        var pair = _targets[touched.Pair].Options;
        var elapsed = new DebounceElapsed(pair.Name);
        Timers.StartSingleTimer(WindowKey(pair.Name), elapsed, pair.DebounceWindow);
        if (!_reasons.TryAdd(pair.Name, touched.Reason))
            return;

        Timers.StartSingleTimer(MaxKey(pair.Name), elapsed, pair.MaxDebounce);
        _log.DebounceStarted(pair.Name, touched.Reason, pair.DebounceWindow, pair.MaxDebounce);
    }

    private void OnElapsed(string pair)
    {
        Timers.Cancel(WindowKey(pair));
        Timers.Cancel(MaxKey(pair));
        _reasons.Remove(pair, out var reason);
        _log.DebounceEnded(pair, reason);
        _targets[pair].ReloadActor.Tell(new Reload(reason), Self);
    }

    private static (string, string) WindowKey(string pair) => (nameof(CertificateOptions.DebounceWindow), pair);

    private static (string, string) MaxKey(string pair) => (nameof(CertificateOptions.MaxDebounce), pair);
}
