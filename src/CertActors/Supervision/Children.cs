using Akka.Actor;
using Akka.Event;
using CertActors.Diagnostics;
using CertActors.Scheduling;
using Microsoft.Extensions.Logging;

namespace CertActors.Supervision;

/// <summary>The supervisor's children. One that has stopped starts again after a back-off, which a minute without a failure resets.</summary>
/// <param name="context">The supervisor's.</param>
/// <param name="supervisor">Its timers send it <see cref="StartDue"/> and <see cref="Healthy"/>, which it passes on to here.</param>
/// <param name="log">The supervisor's.</param>
internal sealed class Children(IActorContext context, IWithTimers supervisor, ILogger log)
{
    private static readonly TimeSpan FirstDelay = TimeSpan.FromMilliseconds(250);
    private static readonly TimeSpan MaxDelay = TimeSpan.FromSeconds(30);
    private static readonly TimeSpan HealthyAfter = TimeSpan.FromMinutes(1);

    private readonly Dictionary<string, Child> _children = new(StringComparer.Ordinal);

    /// <summary>To the supervisor: the child's back-off is over.</summary>
    public sealed record StartDue(string Name) : IDeadLetterSuppression;

    /// <summary>To the supervisor: the child has run for so long that its failures are forgotten.</summary>
    public sealed record Healthy(string Name) : IDeadLetterSuppression;

    /// <summary>A child in all its incarnations.</summary>
    private sealed class Child(Func<Props> props, Action<IActorRef>? onStartedAgain, Action? onFailed)
    {
        public Func<Props> Props { get; set; } = props;

        public Action<IActorRef>? OnStartedAgain => onStartedAgain;

        public Action? OnFailed => onFailed;

        /// <summary>Whether it is being stopped in order to start again with other <see cref="Props"/>.</summary>
        public bool IsReplaced { get; set; }

        public Backoff Backoff { get; } = new(FirstDelay, MaxDelay);

        /// <summary>Null while it waits to be started.</summary>
        public IActorRef? Running { get; set; }
    }

    /// <summary>Starts a child for the first time.</summary>
    /// <param name="name">The actor's name.</param>
    /// <param name="props">How to make it, with what it needs to know at that time.</param>
    /// <param name="onStartedAgain">What to do once it has started again: what it missed meanwhile.</param>
    /// <param name="onFailed">What to do once it has stopped, and waits to be started again.</param>
    public IActorRef Add(string name, Func<Props> props, Action<IActorRef>? onStartedAgain = null, Action? onFailed = null)
    {
        var child = new Child(props, onStartedAgain, onFailed);
        _children.Add(name, child);
        return Start(name, child);
    }

    /// <summary>Sends a child a message, unless it waits to be started.</summary>
    public void Tell(string name, object message) => _children[name].Running?.Tell(message);

    /// <summary>Stops a child for good.</summary>
    /// <returns>The actor, whose end the supervisor is notified of; null if it waited to be started.</returns>
    public IActorRef? Remove(string name)
    {
        _children.Remove(name, out var child);
        supervisor.Timers.Cancel((nameof(StartDue), name));
        supervisor.Timers.Cancel((nameof(Healthy), name));
        if (child?.Running is { } running)
            context.Stop(running);
        return child?.Running;
    }

    /// <summary>Stops a child, and starts it again with other props as soon as it has stopped.</summary>
    /// <param name="name">The actor's name.</param>
    /// <param name="props">As in <see cref="Add"/>. Called once the child has stopped.</param>
    public void Replace(string name, Func<Props> props)
    {
        var child = _children[name];
        child.Props = props;
        child.Backoff.Reset();
        supervisor.Timers.Cancel((nameof(StartDue), name));
        supervisor.Timers.Cancel((nameof(Healthy), name));
        if (child.Running is { } running)
        {
            child.IsReplaced = true;
            context.Stop(running);
        }
        else
        {
            StartAgain(name, child);
        }
    }

    /// <summary>Adds a child again that <see cref="Remove"/> has begun to stop. It starts as soon as its last actor has stopped.</summary>
    /// <param name="name">The actor's name.</param>
    /// <param name="stopping">The last actor.</param>
    /// <param name="props">As in <see cref="Replace"/>.</param>
    /// <param name="onStartedAgain">As in <see cref="Add"/>.</param>
    /// <param name="onFailed">As in <see cref="Add"/>.</param>
    public void Restore(string name, IActorRef stopping, Func<Props> props, Action<IActorRef> onStartedAgain, Action onFailed) =>
        _children.Add(name, new Child(props, onStartedAgain, onFailed) { Running = stopping, IsReplaced = true });

    public void StartAgain(StartDue due) => StartAgain(due.Name, _children[due.Name]);

    public void ResetBackoff(Healthy healthy) => _children[healthy.Name].Backoff.Reset();

    /// <summary>Plans the next start of the child that has stopped.</summary>
    /// <returns>False if the actor isn't a child that was running.</returns>
    /// <remarks>One that was stopped by <see cref="Replace"/> starts at once.</remarks>
    public bool TryRestart(IActorRef stopped)
    {
        var name = stopped.Path.Name;
        if (!_children.TryGetValue(name, out var child) || !stopped.Equals(child.Running))
            return false;

        child.Running = null;
        if (child.IsReplaced)
        {
            child.IsReplaced = false;
            StartAgain(name, child);
            return true;
        }

        child.OnFailed?.Invoke();
        var delay = child.Backoff.Next();
        log.ChildFailed(name, delay.TotalSeconds);
        supervisor.Timers.Cancel((nameof(Healthy), name));
        supervisor.Timers.StartSingleTimer((nameof(StartDue), name), new StartDue(name), delay);
        return true;
    }

    private void StartAgain(string name, Child child)
    {
        var running = Start(name, child);
        child.OnStartedAgain?.Invoke(running);
    }

    private IActorRef Start(string name, Child child)
    {
        child.Running = context.Watch(context.ActorOf(child.Props(), name));
        supervisor.Timers.StartSingleTimer((nameof(Healthy), name), new Healthy(name), HealthyAfter);
        return child.Running;
    }
}
