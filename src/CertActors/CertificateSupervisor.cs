using Akka.Actor;
using Akka.Dispatch;
using Akka.Event;
using CertActors.Debouncing;
using CertActors.Diagnostics;
using CertActors.Reloading;
using CertActors.Scheduling;
using CertActors.Supervision;
using CertActors.Watching;
using Microsoft.Extensions.Logging;

namespace CertActors;

/// <summary>
/// Spawns and supervises the actors that keep a <see cref="CertificateHolder"/> up to date; answers <see cref="SubscribeToCertificates"/>,
/// <see cref="UnsubscribeFromCertificates"/>, <see cref="ReloadNow"/> and <see cref="GetStatus"/>. What subscribers are told is also published
/// on the event stream of the actor system.
/// </summary>
/// <remarks>
/// <para>
/// It takes the holder when it starts, and gives it back when it has stopped. Where another running supervisor owns the holder, it fails with
/// <see cref="CertificateHolderInUseException"/> as it starts, and its parent decides; by default that stops it.
/// </para>
/// <para>
/// A child that fails is stopped and comes back after 0.25 s, doubling to 30 s with each failure and forgotten after a minute without one;
/// what it looked after is then read again. The supervisor may be restarted by its parent: pairs, subscribers and what is served stay.
/// </para>
/// </remarks>
public sealed class CertificateSupervisor : UntypedActor, IWithTimers, IRequiresMessageQueue<IUnboundedMessageQueueSemantics>
{
    /// <summary>The name under which the hosting extension spawns it, and a good one elsewhere.</summary>
    public const string DefaultName = "certificates";

    private const string Debounce = "debounce";
    private const string FileWatch = "file-watch";

    private static readonly TimeSpan FirstRestartDelay = TimeSpan.FromMilliseconds(250);
    private static readonly TimeSpan MaxRestartDelay = TimeSpan.FromSeconds(30);
    private static readonly TimeSpan HealthyAfter = TimeSpan.FromMinutes(1);

    private readonly CertificateRegistry _registry;
    private readonly ILogger _log;
    private readonly Dictionary<string, Child> _children = [];

    private CertificateSupervisor(CertificateRegistry registry)
    {
        _registry = registry;
        _log = registry.Loggers?.CreateLogger(typeof(CertificateSupervisor)) ?? new ActorSystemLogger(Context.GetLogger());
    }

    /// <summary>A child's wait is over.</summary>
    private sealed record StartChild(string Name) : IDeadLetterSuppression;

    /// <summary>A child has run long enough for its failures to be forgotten.</summary>
    private sealed record ChildIsHealthy(string Name) : IDeadLetterSuppression;

    /// <summary>A child in all its incarnations.</summary>
    /// <param name="Props">How it's made.</param>
    /// <param name="Covered">What it looks after counts as touched once it runs.</param>
    private sealed record Child(Props Props, Action<IActorRef> Covered)
    {
        public Backoff Restart { get; } = new(FirstRestartDelay, MaxRestartDelay);

        /// <summary>Null while it waits to be started.</summary>
        public IActorRef? Running { get; set; }
    }

    /// <summary>Timers of the actor system's scheduler. Set by Akka.</summary>
    public ITimerScheduler Timers { get; set; } = null!;

    internal static string PathToDebounce => $"../{Debounce}";

    internal static string PathToPair(string pair) => $"../{NameOf(pair)}";

    /// <summary>Takes the holder, and starts the children.</summary>
    protected override void PreStart()
    {
        Claim();
        try
        {
            foreach (var subscriber in _registry.Subscribers)
                Context.Watch(subscriber);

            // What the last incarnation swapped in and didn't live to tell is told now.
            foreach (var pair in _registry.Pairs)
                Announce(pair, pair.Cell.Serving?.Announcement);

            AddChild(Debounce, Akka.Actor.Props.Create<DebounceActor>(_registry), TouchAll);
            AddChild(FileWatch, Akka.Actor.Props.Create<FileWatchActor>(_registry), _ => { });

            // By type and arguments: an expression is compiled for each pair, which takes longer than all else of its actor.
            foreach (var pair in _registry.Pairs)
                AddChild(NameOf(pair.Name), Akka.Actor.Props.Create<ReloadActor>(pair.Options, pair.Cell, pair.Reloading, _registry.Platform.Disk, _log), child => LoadAgain(pair, child));
        }
        catch (Exception fault)
        {
            _registry.Started.TrySetException(fault);
            _registry.Holder.Release(Self);
            throw;
        }

        _registry.Started.TrySetResult();
    }

    /// <summary>Stops the children; the holder stays taken, as its owner comes back.</summary>
    protected override void PreRestart(Exception reason, object message)
    {
        foreach (var child in Context.GetChildren())
        {
            Context.Unwatch(child);
            Context.Stop(child);
        }
    }

    /// <summary>Gives the holder back. The children have stopped before.</summary>
    protected override void PostStop()
    {
        _registry.Subscribers.Clear();
        _registry.Requests.Clear();
        _registry.Holder.Release(Self);
    }

    /// <inheritdoc/>
    protected override void OnReceive(object message)
    {
        switch (message)
        {
            case PairJudged judged:
                OnJudged(judged);
                break;
            case LoadStuck(var name, var isStuck):
                _registry.Find(name).IsLoadStuck = isStuck;
                break;
            case ExpiryIsDue(var name):
                TellIfExpiring(_registry.Find(name));
                break;
            case PairWatched watched:
                OnWatched(watched);
                break;
            case SubscribeToCertificates(var subscriber):
                OnSubscribe(subscriber);
                break;
            case UnsubscribeFromCertificates(var subscriber):
                Forget(subscriber);
                break;
            case ReloadNow(var name):
                OnReloadNow(name);
                break;
            case GetStatus:
                Sender.Tell(new CertificateSupervisorStatus(_registry.Pairs.Select(StatusOf).ToArray()));
                break;
            case Terminated dead:
                OnTerminated(dead.ActorRef);
                break;
            case StartChild(var name):
                Start(name);
                break;
            case ChildIsHealthy(var name):
                _children[name].Restart.Reset();
                break;
            default:
                Unhandled(message);
                break;
        }
    }

    /// <summary>Every fault stops the child: it comes back by back-off, where a restart would come back in a tight loop.</summary>
    protected override SupervisorStrategy SupervisorStrategy() => new OneForOneStrategy(_ => Directive.Stop);

    private static string NameOf(string pair) => $"pair-{pair}";

    private void Claim()
    {
        try
        {
            var cells = _registry.Holder.Claim(Self, [.. _registry.Pairs.Select(pair => pair.Name)]);
            foreach (var (pair, cell) in _registry.Pairs.Zip(cells))
                pair.Cell = cell;
        }
        catch (CertificateHolderInUseException refused)
        {
            _registry.Started.TrySetException(refused);
            throw;
        }
    }

    private void AddChild(string name, Props props, Action<IActorRef> covered)
    {
        _children.Add(name, new Child(props, covered));
        Start(name);
    }

    private void Start(string name)
    {
        var child = _children[name];
        child.Running = Context.Watch(Context.ActorOf(child.Props, name));
        Timers.StartSingleTimer((nameof(ChildIsHealthy), name), new ChildIsHealthy(name), HealthyAfter);
        child.Covered(child.Running);
    }

    private void OnTerminated(IActorRef dead)
    {
        if (!_children.TryGetValue(dead.Path.Name, out var child) || !dead.Equals(child.Running))
        {
            Forget(dead);
            return;
        }

        var name = dead.Path.Name;
        var wait = child.Restart.Next();
        child.Running = null;
        _log.ChildFailed(name, wait.TotalSeconds);
        Timers.Cancel((nameof(ChildIsHealthy), name));
        Timers.StartSingleTimer((nameof(StartChild), name), new StartChild(name), wait);
    }

    private void TouchAll(IActorRef debounce)
    {
        foreach (var pair in _registry.Pairs)
            debounce.Tell(new PairTouched(pair.Name, ReloadReason.Start));
    }

    private void LoadAgain(Pair pair, IActorRef reloader)
    {
        reloader.Tell(new Reload(ReloadReason.Start));
        foreach (var (id, _) in _registry.Requests.Where(request => request.Value.Waiting.Contains(pair.Name)))
            reloader.Tell(new Reload(ReloadReason.Requested, id));
    }

    private void OnJudged(PairJudged judged)
    {
        var pair = _registry.Find(judged.Pair);
        if (judged.Failure is { } failure)
        {
            pair.Loads = pair.Loads with { Rejected = pair.Loads.Rejected + 1 };
            OnRejected(pair, failure, judged.IsRepeated);
        }
        else
        {
            pair.Loads = judged.Change is null
                ? pair.Loads with { Unchanged = pair.Loads.Unchanged + 1 }
                : pair.Loads with { Changed = pair.Loads.Changed + 1 };
            if (pair.CurrentFailure is not null && judged.Change is null)
                _log.Recovered(pair.Name);
            pair.CurrentFailure = null;
            Announce(pair, judged.Change);
        }

        foreach (var warning in judged.Warnings)
            _log.Warned(pair.Name, warning);
        foreach (var id in judged.Requests)
            Answer(id, OutcomeOf(pair, judged));
        if (judged.Failure is { } first && _registry.StopOnFailedFirstLoad && pair.Cell.Serving is null)
            GiveUp(first);
    }

    private void OnRejected(Pair pair, CertificateReloadFailed failure, bool isRepeated)
    {
        // The next poll is to load the pair again, but for a load that goes on although it was given up: its end is judged.
        if (failure.Reason != RejectionReason.TimedOut)
            _children[FileWatch].Running?.Tell(new PairRejected(pair.Name));

        // A slow disk's load that was late before, and good all the same: the status has it as stuck.
        if (isRepeated && failure.Reason == RejectionReason.TimedOut && pair.CurrentFailure is null)
            return;

        // Files that stay bad are tried again and again, and complained of once. The status has the last of several that take turns.
        var isKnown = isRepeated && pair.CurrentFailure is not null;
        if (!isKnown || (pair.CurrentFailure!.Reason, pair.CurrentFailure.Message) != (failure.Reason, failure.Message))
            pair.CurrentFailure = failure;
        if (isKnown)
            return;
        _log.Rejected(pair.Name, failure.Reason, failure.Message, failure.StillServed?.Sha256 ?? "nothing");
        Publish(failure);
    }

    private void GiveUp(CertificateReloadFailed failure)
    {
        _log.GaveUp(failure.Name);
        _registry.Holder.GiveUp(failure);
        Context.Stop(Self);
    }

    private void Announce(Pair pair, CertificateChanged? change)
    {
        if (change is null || change.Generation <= (pair.LastChange?.Generation ?? 0))
            return;

        pair.LastChange = change;
        pair.ExpiryDue = change.At;
        _log.Changed(change.Name, change.Generation, change.Current.Sha256, change.Current.NotAfter, change.Reason);
        Publish(change);
    }

    private void TellIfExpiring(Pair pair)
    {
        if (pair.LastChange is not { } served)
            return;
        var (leaf, now) = (served.Current, Context.System.Scheduler.Now);
        var remaining = leaf.NotAfter - now;
        pair.ExpiryDue = ExpiryThresholds.Next(leaf, remaining, pair.Options.ExpiryThresholds);
        if (ExpiryThresholds.Reached(leaf, remaining, pair.Options.ExpiryThresholds) is not { } threshold)
            return;
        if (pair.Expiring is { } known && known.Told.Generation == served.Generation && known.Threshold <= threshold)
            return;

        var expiring = new CertificateExpiring(pair.Name, served.Generation, leaf.NotAfter, remaining, now);
        pair.Expiring = (expiring, threshold);
        if (remaining > TimeSpan.Zero)
            _log.Expiring(pair.Name, leaf.NotAfter, remaining);
        else
            _log.Expired(pair.Name, leaf.NotAfter);
        Publish(expiring);
    }

    private void OnWatched(PairWatched watched)
    {
        var pair = _registry.Find(watched.Pair);
        if (pair.Watching?.Mode == watched.Mode)
            return;

        pair.Watching = new WatchModeChanged(pair.Name, watched.Mode, watched.Message, Context.System.Scheduler.Now);
        _log.ModeChanged(pair.Name, watched.Mode, watched.Message);
        Publish(pair.Watching);
    }

    private void OnSubscribe(IActorRef subscriber)
    {
        _registry.Subscribers.Add(subscriber);
        Context.Watch(subscriber);
        foreach (var pair in _registry.Pairs)
        {
            var expiring = pair.Expiring?.Told is { } told && told.Generation == pair.LastChange?.Generation ? told : null;
            foreach (var known in (IEnumerable<object?>)[pair.Watching, pair.LastChange, expiring, pair.CurrentFailure])
            {
                if (known is not null)
                    subscriber.Tell(known);
            }
        }
    }

    private void Forget(IActorRef subscriber)
    {
        if (_registry.Subscribers.Remove(subscriber))
            Context.Unwatch(subscriber);
    }

    private void Publish(object news)
    {
        foreach (var subscriber in _registry.Subscribers)
            subscriber.Tell(news);
        Context.System.EventStream.Publish(news);
    }

    private void OnReloadNow(string? name)
    {
        string[] names = [.. _registry.Pairs.Select(pair => pair.Name).Where(pair => name is null || pair == name)];
        if (names.Length == 0)
        {
            ReloadOutcome[] unknown = [new(name!, ReloadOutcomeKind.UnknownName, Generation: 0, Failure: null)];
            Sender.Tell(new ReloadNowResult(unknown));
            return;
        }

        var id = ++_registry.LastRequest;
        _registry.Requests.Add(id, new OpenRequest(Sender, [.. names], []));

        // One that waits to be started is told when it is.
        foreach (var pair in names)
            _children[NameOf(pair)].Running?.Tell(new Reload(ReloadReason.Requested, id));
    }

    private void Answer(long id, ReloadOutcome outcome)
    {
        if (!_registry.Requests.TryGetValue(id, out var request) || !request.Waiting.Remove(outcome.Name))
            return;

        request.Outcomes.Add(outcome);
        if (request.Waiting.Count > 0)
            return;
        _registry.Requests.Remove(id);
        request.Asker.Tell(new ReloadNowResult(request.Outcomes.ToArray()));
    }

    private static ReloadOutcome OutcomeOf(Pair pair, PairJudged judged) => judged switch
    {
        { Change: { } change } => new(pair.Name, ReloadOutcomeKind.Changed, change.Generation, Failure: null),
        { Failure: { } failure } => new(pair.Name, ReloadOutcomeKind.Failed, pair.LastChange?.Generation ?? 0, failure),
        _ => new(pair.Name, ReloadOutcomeKind.Unchanged, pair.LastChange?.Generation ?? 0, Failure: null),
    };

    private static CertificateStatus StatusOf(Pair pair) => new(
        pair.Name,
        pair.LastChange,
        pair.CurrentFailure,
        pair.Watching?.Mode ?? WatchMode.Polling,
        pair.IsLoadStuck,
        pair.Loads);

    /// <summary>How to spawn a supervisor of one pair.</summary>
    /// <inheritdoc cref="Props(CertificateHolder, CertificateSupervisorOptions, ILoggerFactory?)"/>
    public static Props Props(CertificateHolder holder, CertificateOptions certificate, ILoggerFactory? loggers = null) =>
        Props(holder, new CertificateSupervisorOptions { Certificates = [certificate] }, loggers);

    /// <summary>How to spawn a supervisor. One at a time may run on the holder.</summary>
    /// <param name="holder">What handshakes read.</param>
    /// <param name="options">The pairs.</param>
    /// <param name="loggers">Where reloads, rejections and mode changes are logged; null for the log of the actor system.</param>
    /// <returns>The props, for this process only: a private key never goes over the wire.</returns>
    /// <exception cref="CertificateOptionsException">The options can't be used; every error is named.</exception>
    public static Props Props(CertificateHolder holder, CertificateSupervisorOptions options, ILoggerFactory? loggers = null) =>
        Props(RegistryOf(holder, options, loggers));

    internal static CertificateRegistry RegistryOf(CertificateHolder holder, CertificateSupervisorOptions options, ILoggerFactory? loggers)
    {
        ArgumentNullException.ThrowIfNull(holder);
        ArgumentNullException.ThrowIfNull(options);
        return new CertificateRegistry(holder, options.Checked(), Platform.Real, loggers);
    }

    internal static Props Props(CertificateRegistry registry) =>
        Akka.Actor.Props.CreateBy(new Producer(registry)).WithDeploy(Deploy.Local);

    // Akka makes actors by public constructors only, and the registry is nobody else's business.
    private sealed class Producer(CertificateRegistry registry) : IIndirectActorProducer
    {
        public Type ActorType => typeof(CertificateSupervisor);

        public ActorBase Produce() => new CertificateSupervisor(registry);

        public void Release(ActorBase actor)
        {
        }
    }
}
