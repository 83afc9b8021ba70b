using Akka.Actor;
using Akka.Dispatch;
using Akka.Event;
using CertActors.Diagnostics;
using CertActors.Disk;
using CertActors.Reloading;
using Microsoft.Extensions.Logging;

namespace CertActors.Debouncing;

/// <summary>To <see cref="DebounceActor"/>: something on a path may have changed.</summary>
/// <param name="Name">The name of the <see cref="WatchedFiles"/>.</param>
/// <param name="Reason">Why that is assumed.</param>
internal sealed record FilesTouched(string Name, ReloadReason Reason) : IDeadLetterSuppression;

/// <summary>
/// Turns many touches into one load. Each touch starts the debounce window again. The first one also starts a timer that none restarts, so that
/// the files are loaded although touches never pause. Whichever ends first ends both.
/// </summary>
internal sealed class DebounceActor : UntypedActor, IWithTimers, IRequiresMessageQueue<IUnboundedMessageQueueSemantics>
{
    /// <summary>Files that are debounced.</summary>
    /// <param name="Files">The files.</param>
    /// <param name="ReloadActor">Gets <see cref="Reload"/> when the debounce has ended.</param>
    internal sealed record Target(WatchedFiles Files, ICanTell ReloadActor);

    /// <summary>To this actor: debounce these files from now on.</summary>
    internal sealed record AddTarget(Target Target) : INoSerializationVerificationNeeded, IDeadLetterSuppression
    {
        public override string ToString() => nameof(AddTarget);
    }

    /// <summary>To this actor: forget these files. Touches that still arrive are ignored.</summary>
    internal sealed record RemoveTarget(string Name) : IDeadLetterSuppression;

    private sealed record DebounceElapsed(string Name) : IDeadLetterSuppression;

    private readonly Dictionary<string, Target> _targets;
    private readonly ILogger _log;

    // Of all that were touched, why and when they were touched first: that is why they are loaded.
    private readonly Dictionary<string, (ReloadReason Reason, DateTimeOffset At)> _touched = new(StringComparer.Ordinal);

    /// <param name="targets">What is debounced from the start.</param>
    /// <param name="log">The supervisor's.</param>
    public DebounceActor(IReadOnlyList<Target> targets, ILogger log)
    {
        _targets = targets.ToDictionary(target => target.Files.Name, StringComparer.Ordinal);
        _log = log;
    }

    public ITimerScheduler Timers { get; set; } = null!;

    protected override void OnReceive(object message)
    {
        switch (message)
        {
            case FilesTouched touched:
                OnTouched(touched);
                break;
            case DebounceElapsed(var name):
                OnElapsed(name);
                break;
            case AddTarget(var target):
                _targets[target.Files.Name] = target;
                break;
            case RemoveTarget(var name):
                Forget(name);
                _targets.Remove(name);
                break;
            default:
                Unhandled(message);
                break;
        }
    }

    private void OnTouched(FilesTouched touched)
    {
        var (name, reason) = touched;
        if (!_targets.TryGetValue(name, out var target))
            return;

        var timing = target.Files.Timing;
        var elapsed = new DebounceElapsed(name);
        Timers.StartSingleTimer(WindowKey(name), elapsed, timing.DebounceWindow);
        if (!_touched.TryAdd(name, (reason, Context.System.Scheduler.Now)))
            return;

        Timers.StartSingleTimer(MaxKey(name), elapsed, timing.MaxDebounce);
        _log.DebounceStarted(name, reason, timing.DebounceWindow, timing.MaxDebounce);
    }

    private void OnElapsed(string name)
    {
        var (reason, touchedAt) = Forget(name);
        _log.DebounceEnded(name, reason);
        _targets[name].ReloadActor.Tell(new Reload(reason, TouchedAt: touchedAt), Self);
    }

    /// <returns>Why and when it was touched first.</returns>
    private (ReloadReason Reason, DateTimeOffset At) Forget(string name)
    {
        Timers.Cancel(WindowKey(name));
        Timers.Cancel(MaxKey(name));
        _touched.Remove(name, out var touched);
        return touched;
    }

    private static (string, string) WindowKey(string name) => (nameof(ReloadTiming.DebounceWindow), name);

    private static (string, string) MaxKey(string name) => (nameof(ReloadTiming.MaxDebounce), name);
}
