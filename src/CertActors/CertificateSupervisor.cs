using Akka.Actor;
using Akka.Dispatch;
using Akka.Event;
using CertActors.Configuration;
using CertActors.Diagnostics;
using CertActors.Holding;
using CertActors.Reloading;
using CertActors.Supervision;
using CertActors.Watching;
using Microsoft.Extensions.Logging;

namespace CertActors;

/// <summary>
/// Starts and supervises the actors that keep a <see cref="CertificateHolder"/> up to date. Answers <see cref="SubscribeToCertificates"/>,
/// <see cref="UnsubscribeFromCertificates"/>, <see cref="ReloadNow"/>, <see cref="AddCertificate"/>, <see cref="RemoveCertificate"/>,
/// <see cref="AddTrustBundle"/>, <see cref="RemoveTrustBundle"/>, <see cref="UpdateCertificates"/> and <see cref="GetStatus"/>. What subscribers get is also published on the event
/// stream of the actor system.
/// </summary>
/// <remarks>
/// <para>
/// It takes the holder when it starts, and gives it back when it has stopped. If another running supervisor owns the holder, it fails with
/// <see cref="CertificateHolderInUseException"/> when it starts, and its parent decides what follows; by default, it is stopped.
/// </para>
/// <para>
/// A child that fails is stopped, and started again after 0.25 s. The delay doubles with each failure up to 30 s, and a minute without a failure
/// resets it. A child that has started again reads the files again. The parent may restart the supervisor: pairs, subscribers, open requests and what
/// is served stay.
/// </para>
/// </remarks>
public sealed class CertificateSupervisor : UntypedActor, IWithTimers, IRequiresMessageQueue<IUnboundedMessageQueueSemantics>
{
    /// <summary>The name of the actor that the hosting extension starts.</summary>
    public const string DefaultName = "certificates";

    private sealed record ExpiryCheckDue : IDeadLetterSuppression
    {
        public static readonly ExpiryCheckDue Instance = new();
    }

    private static readonly TimeSpan ExpiryInterval = TimeSpan.FromMinutes(1);
    private static readonly TimeSpan RefusalInterval = TimeSpan.FromMinutes(1);

    private readonly SupervisorState _state;
    private readonly ILogger _log;
    private readonly Children _children;
    private readonly ActorTree _tree;
    private readonly Announcer _announcer;
    private readonly Reports _reports;
    private readonly Membership _membership;
    private readonly Update _update;
    private MeteredSupervisor? _metered;

    internal CertificateSupervisor(SupervisorState state)
    {
        _state = state;
        _log = state.Loggers is { } loggers ? new SafeLogger(loggers.CreateLogger<CertificateSupervisor>()) : new ActorSystemLogger(Context.GetLogger());
        _children = new Children(Context, this, _log);
        _tree = new ActorTree(state, Context, _children, _log);
        _announcer = new Announcer(state.Subscribers, state.Recent, _tree.CallHooks, Context, _log);
        _reports = new Reports(state, _announcer, _log);
        _membership = new Membership(state, _tree, _announcer, _reports, Context);
        _update = new Update(state, _membership);
    }

    /// <summary>Timers of the actor system's scheduler. Set by Akka.</summary>
    public ITimerScheduler Timers { get; set; } = null!;

    /// <summary>Takes the holder, and starts the children.</summary>
    protected override void PreStart()
    {
        try
        {
            _state.Holder.Claim(Self, [.. _state.Pairs.Select(pair => pair.Options)], [.. _state.Bundles.Select(bundle => bundle.Name)]);
            _announcer.Resume();

            // The last incarnation may have stopped between a swap and its announcement, and another supervisor may have had the holder.
            foreach (var known in _state.All.ToArray())
                _reports.AddMissed(known, Context.System.Scheduler.Now);
            _reports.AddLeaving(Context.System.Scheduler.Now);
            _reports.ForgetStuck();
            _tree.Start();
            _membership.EndRemovals();
            _membership.RemoveAbandoned();
            foreach (var bundle in _state.Bundles)
                OnPeersRefused(bundle.Name);
            OnHandshakesUnserved();
            Timers.StartPeriodicTimer(nameof(ExpiryCheckDue), ExpiryCheckDue.Instance, ExpiryInterval);
            BeginMetrics();
        }
        catch (Exception fault)
        {
            _state.Started.TrySetException(fault);
            _state.Holder.Release(Self);
            throw;
        }

        _state.Started.TrySetResult();
    }

    /// <summary>Stops the children. The holder stays taken, as this actor starts again.</summary>
    protected override void PreRestart(Exception reason, object message)
    {
        EndMetrics();
        foreach (var child in Context.GetChildren())
        {
            Context.Unwatch(child);
            Context.Stop(child);
        }
    }

    /// <summary>Gives the holder back. The children have stopped by now.</summary>
    protected override void PostStop()
    {
        EndMetrics();
        _membership.Close();
        _state.Subscribers.Clear();
        _state.Requests.Clear();
        _state.Holder.Release(Self);
    }

    /// <inheritdoc/>
    protected override void OnReceive(object message)
    {
        switch (message)
        {
            case Judged judged:
                OnJudged(judged);
                break;
            case LoadStuck stuck:
                _reports.Add(stuck);
                break;
            case GenerationUnused(var pair):
                _reports.CheckDrained(pair, Context.System.Scheduler.Now);
                break;
            case PeersRefused(var bundle):
                OnPeersRefused(bundle);
                break;
            case HandshakesUnserved:
                OnHandshakesUnserved();
                break;
            case NameConflict conflict:
                _reports.Add(conflict);
                break;
            case FilesWatched watched:
                _reports.Add(watched, Context.System.Scheduler.Now);
                break;
            case FilesUnchanged unchanged:
                _reports.Add(unchanged, Context.System.Scheduler.Now);
                break;
            case ExpiryCheckDue:
                _reports.CheckExpiry(Context.System.Scheduler.Now);
                break;
            case SubscribeToCertificates(var subscriber):
                _announcer.Subscribe(subscriber, [.. _state.All, .. _state.Removals.Select(removal => removal.Known)]);
                break;
            case UnsubscribeFromCertificates(var subscriber):
                _announcer.Unsubscribe(subscriber);
                break;
            case ReloadNow(var name):
                OnReloadNow(name);
                break;
            case AddCertificate add:
                _membership.Add(add, Sender);
                break;
            case RemoveCertificate(var name):
                _membership.RemovePair(name, Sender);
                break;
            case AddTrustBundle add:
                _membership.Add(add, Sender);
                break;
            case RemoveTrustBundle(var name):
                _membership.RemoveBundle(name, Sender);
                break;
            case UpdateCertificates(var options):
                Sender.Tell(_update.Apply(options));
                break;
            case GetStatus:
                Sender.Tell(Status());
                break;
            case Terminated { ActorRef: var stopped }:
                if (!_children.TryRestart(stopped) && !_membership.TryEndRemoval(stopped))
                    _announcer.Unsubscribe(stopped);
                break;
            case Children.StartDue due:
                _children.StartAgain(due);
                break;
            case Children.Healthy healthy:
                _children.ResetBackoff(healthy);
                break;
            default:
                Unhandled(message);
                break;
        }
    }

    /// <summary>A fault stops the child: it starts again after a back-off, where a restart by Akka has no delay.</summary>
    protected override SupervisorStrategy SupervisorStrategy() => new OneForOneStrategy(_ => Directive.Stop);

    // The first is logged at once, and further ones together once a minute, as a client may retry all the time.
    private void OnPeersRefused(string bundle)
    {
        if (_state.Holder.FindRefusals(bundle)?.Report.Take() is not { } refused)
            return;
        _log.PeersRefused(bundle, refused.Count, refused.Last);
        Timers.StartSingleTimer((nameof(PeersRefused), bundle), new PeersRefused(bundle), RefusalInterval);
    }

    private void OnHandshakesUnserved()
    {
        if (_state.Holder.Unserved.Report.Take() is not { } unserved)
            return;
        _log.HandshakesUnserved(unserved.Count, unserved.Last);
        Timers.StartSingleTimer(nameof(HandshakesUnserved), HandshakesUnserved.Instance, RefusalInterval);
    }

    private void OnReloadNow(string? name)
    {
        string[] requested = name is null ? [.. _state.All.Select(known => known.Name)] : _state.TryFind(name, out _) ? [name] : [];
        if (requested.Length == 0 && name is not null)
        {
            Sender.Tell(new ReloadNowResult { Outcomes = [ReloadOutcome.Unknown(name)] });
            return;
        }

        var request = _state.Requests.Add(Sender, requested);
        foreach (var one in requested)
            _tree.Reload(one, request);
    }

    private void OnJudged(Judged judged)
    {
        _reports.Add(judged, Context.System.Scheduler.Now);
        if (judged.Change is TrustBundleChanged)
            _tree.ReloadTrusted(judged.Name);
        if (judged.Change is CertificateChanged)
            _reports.CheckDrained(judged.Name, Context.System.Scheduler.Now);

        // The next poll loads the pair again; but a load that was given up while it runs is judged when it ends.
        if (judged.Failure is { Reason: not RejectionReason.TimedOut })
            _tree.ReportRejected(judged.Name);
        foreach (var request in judged.Requests)
            _state.Requests.Complete(request, OutcomeOf(judged));

        // A later load may have succeeded before this message was handled.
        if (judged.Failure is CertificateReloadFailed first && _state.TryFind(first.Name, out var known) && known.IsRequired && !_state.Holder.HasServed(first.Name))
            GiveUp(first);
    }

    private void GiveUp(CertificateReloadFailed failure)
    {
        _log.GaveUp(failure.Name);
        _state.Holder.GiveUp(failure);
        Context.Stop(Self);
    }

    private void BeginMetrics()
    {
        var scheduler = Context.System.Scheduler;
        _metered = new MeteredSupervisor(Self.Path.ToString(), _state.Snapshot, _state.Holder, () => scheduler.Now);
        _state.Platform.Metrics.Add(_metered);
    }

    private void EndMetrics()
    {
        if (_metered is not null)
            _state.Platform.Metrics.Remove(_metered);
    }

    private CertificateSupervisorStatus Status() => new()
    {
        Certificates = [.. _state.Pairs.Select(pair => pair.Status with { Connections = _state.Holder.ConnectionsOf(pair.Name) })],
        Removed = _state.Snapshot.RemovedFrom(_state.Holder),
        Recent = _state.Recent.All,
        TrustBundles = [.. _state.Bundles.Select(Status)],
    };

    private TrustBundleStatus Status(BundleState bundle) => bundle.Status with
    {
        Accepted = _state.Holder.FindAcceptances(bundle.Name)?.At(_state.Holder.UtcNow()) ?? [],
        Refused = _state.Holder.FindRefusals(bundle.Name)?.Counts ?? [],
    };

    private ReloadOutcome OutcomeOf(Judged judged) => new()
    {
        Name = judged.Name,
        Kind = judged switch
        {
            { Failure: not null } => ReloadOutcomeKind.Failed,
            { Change: not null } => ReloadOutcomeKind.Changed,
            _ => ReloadOutcomeKind.Unchanged,
        },
        Generation = (judged.Change ?? (_state.TryFind(judged.Name, out var known) ? known.LastChange : null))?.Generation ?? 0,
        Failure = judged.Failure,
    };

    /// <summary>How to start a supervisor of one pair.</summary>
    /// <remarks>
    /// If another supervisor owns the holder, the actor fails when it starts, and by default is stopped. This is logged, and a death watch notices it, but
    /// <c>ActorOf</c> does not throw; <see cref="StartAsync"/> does.
    /// </remarks>
    /// <param name="holder">Publishes what is loaded to handshakes.</param>
    /// <param name="certificate">The pair.</param>
    /// <param name="loggers">Makes the logger for reloads, rejections and mode changes; null for the log of the actor system.</param>
    /// <param name="hooks">What is called before and after each swap; null for nothing.</param>
    /// <returns>The props, for this process only: a private key never goes over the network.</returns>
    /// <exception cref="CertificateOptionsException">The options are invalid; every error is listed.</exception>
    /// <example><code>
    /// var pair = new CertificateOptions { CertificatePath = "/etc/tls/tls.crt", KeyPath = "/etc/tls/tls.key" };
    /// var certificates = system.ActorOf(CertificateSupervisor.Props(holder, pair), CertificateSupervisor.DefaultName);
    /// </code></example>
    public static Props Props(
        CertificateHolder holder, CertificateOptions certificate, ILoggerFactory? loggers = null, IReadOnlyList<IRotationHook>? hooks = null) =>
        Props(holder, new CertificatesOptions { Certificates = [certificate] }, loggers, hooks);

    /// <summary>How to start a supervisor. One at a time may run on a holder.</summary>
    /// <remarks>
    /// If another supervisor owns the holder, the actor fails when it starts, and by default is stopped. This is logged, and a death watch notices it, but
    /// <c>ActorOf</c> does not throw; <see cref="StartAsync"/> does.
    /// </remarks>
    /// <param name="holder">Publishes what is loaded to handshakes.</param>
    /// <param name="options">The pairs.</param>
    /// <param name="loggers">Makes the logger for reloads, rejections and mode changes; null for the log of the actor system.</param>
    /// <param name="hooks">What is called before and after each swap; null for nothing.</param>
    /// <returns>The props, for this process only: a private key never goes over the network.</returns>
    /// <exception cref="CertificateOptionsException">The options are invalid; every error is listed.</exception>
    /// <example><code>
    /// var options = new CertificatesOptions
    /// {
    ///     Certificates = [new CertificateOptions { CertificatePath = "/etc/tls/tls.crt", KeyPath = "/etc/tls/tls.key" }],
    ///     TrustBundles = [new TrustBundleOptions { Name = "clients", CertificatePaths = ["/etc/tls/clients.pem"] }],
    /// };
    /// var certificates = system.ActorOf(CertificateSupervisor.Props(holder, options), CertificateSupervisor.DefaultName);
    /// </code></example>
    public static Props Props(
        CertificateHolder holder, CertificatesOptions options, ILoggerFactory? loggers = null, IReadOnlyList<IRotationHook>? hooks = null) =>
        Props(StateOf(holder, options, loggers, hooks));

    /// <summary>
    /// How to start a supervisor of the pairs and trust bundles that the configuration of an actor system has, in HOCON: <c>certactors { … }</c>. The
    /// <c>reference.conf</c> of this assembly describes every key.
    /// </summary>
    /// <remarks>
    /// If another supervisor owns the holder, the actor fails when it starts, and by default is stopped. This is logged, and a death watch notices it, but
    /// <c>ActorOf</c> does not throw; <see cref="StartAsync"/> does.
    /// </remarks>
    /// <param name="system">The actor system.</param>
    /// <param name="holder">Publishes what is loaded to handshakes.</param>
    /// <param name="loggers">Makes the logger for reloads, rejections and mode changes; null for the log of the actor system.</param>
    /// <param name="hooks">What is called before and after each swap; null for nothing.</param>
    /// <returns>The props, for this process only: a private key never goes over the network.</returns>
    /// <exception cref="CertificateOptionsException">The configuration is invalid; every error is listed.</exception>
    /// <example><code>
    /// // certactors.certificates.default { certificate-path = /etc/tls/tls.crt, key-path = /etc/tls/tls.key }
    /// var certificates = system.ActorOf(CertificateSupervisor.Props(system, holder), CertificateSupervisor.DefaultName);
    /// </code></example>
    public static Props Props(
        ActorSystem system, CertificateHolder holder, ILoggerFactory? loggers = null, IReadOnlyList<IRotationHook>? hooks = null)
    {
        ArgumentNullException.ThrowIfNull(system);
        ArgumentNullException.ThrowIfNull(holder);
        return Props(new SupervisorState(holder, HoconOptions.Of(system.Settings.Config).Validated(), Platform.Real, loggers, hooks));
    }

    /// <summary>
    /// Starts a supervisor, and completes when it owns the holder and has started its actors. It does not wait for the first load: see
    /// <see cref="CertificateHolder.WaitForFirstAsync"/>.
    /// </summary>
    /// <param name="parent">The actor system, or the context of the actor that becomes its parent.</param>
    /// <param name="holder">Publishes what is loaded to handshakes.</param>
    /// <param name="options">The pairs.</param>
    /// <param name="loggers">Makes the logger for reloads, rejections and mode changes; null for the log of the actor system.</param>
    /// <param name="name">The actor's name.</param>
    /// <param name="hooks">What is called before and after each swap; null for nothing.</param>
    /// <returns>The supervisor.</returns>
    /// <exception cref="CertificateOptionsException">The options are invalid; every error is listed.</exception>
    /// <exception cref="CertificateHolderInUseException">Another running supervisor owns the holder.</exception>
    /// <example><code>var certificates = await CertificateSupervisor.StartAsync(system, holder, options);</code></example>
    public static async Task<IActorRef> StartAsync(
        IActorRefFactory parent,
        CertificateHolder holder,
        CertificatesOptions options,
        ILoggerFactory? loggers = null,
        string name = DefaultName,
        IReadOnlyList<IRotationHook>? hooks = null)
    {
        ArgumentNullException.ThrowIfNull(parent);
        var state = StateOf(holder, options, loggers, hooks);
        var supervisor = parent.ActorOf(Props(state), name);
        await state.Started.Task.ConfigureAwait(false);
        return supervisor;
    }

    internal static Props Props(SupervisorState state) => Akka.Actor.Props.CreateBy(new SupervisorProducer(state)).WithDeploy(Deploy.Local);

    private static SupervisorState StateOf(
        CertificateHolder holder, CertificatesOptions options, ILoggerFactory? loggers, IReadOnlyList<IRotationHook>? hooks)
    {
        ArgumentNullException.ThrowIfNull(holder);
        ArgumentNullException.ThrowIfNull(options);
        return new SupervisorState(holder, options.Validated(), Platform.Real, loggers, hooks);
    }
}
