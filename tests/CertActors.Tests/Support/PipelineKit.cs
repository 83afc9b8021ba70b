using System.Collections.Concurrent;
using System.Diagnostics.Metrics;
using Akka.Actor;
using Akka.Configuration;
using Akka.Event;
using Akka.TestKit;
using CertActors.Disk;
using CertActors.Reloading;
using CertActors.Supervision;
using CertActors.Watching.Sources;

namespace CertActors.Tests.Support;

/// <summary>
/// The whole pipeline in virtual time, on files in memory and with scripted events. Nothing happens by itself: a test changes the files,
/// raises events, sends messages and advances the time, each followed by a barrier.
/// </summary>
/// <remarks>
/// The actors run within the barrier, on the test's own thread (<see cref="RunQueueDispatcher"/>), as does the disk
/// (<see cref="HangingDisk"/>): a test comes out the same each time, and when the barrier returns, nothing is left to do until time passes.
/// </remarks>
public abstract class PipelineKit : Akka.TestKit.Xunit2.TestKit
{
    internal const string CertPath = "/certs/tls.crt";
    internal const string KeyPath = "/certs/tls.key";

    internal static readonly ReloadTiming Timing = Options().ToWatchedFiles().Timing;

    private protected static readonly TimeSpan Generous = TimeSpan.FromSeconds(60);

    private const string Config =
        """
        akka.scheduler.implementation = "Akka.TestKit.TestScheduler, Akka.TestKit"
        akka.loglevel = INFO
        akka.stdout-loglevel = OFF
        akka.loggers = []
        akka.actor.default-dispatcher.type = "CertActors.Tests.Support.RunQueueDispatcherConfigurator, CertActors.Tests"
        akka.actor.internal-dispatcher = akka.actor.default-dispatcher
        """;

    private readonly ConcurrentQueue<LogEvent> _logged = [];
    private readonly HashSet<int> _threads = [];
    private readonly RunQueueDispatcher _actors;
    private readonly TestProbe _asker;
    private readonly CertificateMetrics _metrics;

    protected PipelineKit(bool serializeMessages = true)
        : base(ConfigurationFactory.ParseString($"akka.actor.serialize-messages = {(serializeMessages ? "on" : "off")}").WithFallback(Config))
    {
        _actors = (RunQueueDispatcher)Sys.Dispatchers.DefaultGlobalDispatcher;
        _metrics = new CertificateMetrics(Meter);

        // One for all, as each makes Akka read all of its configuration again: 5 ms.
        _asker = CreateTestProbe();
        Subscriber = CreateTestProbe();
        Sys.EventStream.Subscribe(Sys.ActorOf(Props.Create(() => new LogCollector(_logged))), typeof(LogEvent));
        Barrier();
    }

    internal MemoryFiles Files { get; } = new();

    internal ScriptedEvents Events { get; } = new();

    internal HangingDisk Disk { get; } = new();

    internal HangingDisk HookThreads { get; } = new();

    /// <summary>The meter of this test alone.</summary>
    private protected Meter Meter { get; } = new(CertificateMetrics.MeterName);

    private protected CertificateHolder Holder { get; } = new();

    private protected IActorRef Supervisor { get; private set; } = ActorRefs.Nobody;

    private protected TestProbe Subscriber { get; }

    private protected ServingCertificate Current => Holder.Current ?? throw new InvalidOperationException("nothing is served");

    /// <summary>Whether threads of the test's own send messages, which no barrier can wait for.</summary>
    private protected bool HasOwnThreads { get; set; }

    private TestScheduler Clock => (TestScheduler)Sys.Scheduler;

    private protected static CertificateOptions Options(string name = "default", string cert = CertPath, string key = KeyPath) =>
        new() { Name = name, CertificatePath = cert, KeyPath = key };

    /// <summary>Puts both files of a pair in place, telling nobody.</summary>
    internal TestPair Write(TestPair pair, string cert = CertPath, string key = KeyPath)
    {
        Files.Write(cert, pair.CertificatePem);
        Files.Write(key, pair.KeyPem);
        return pair;
    }

    /// <summary>Puts both files of a pair in place, with the events of it.</summary>
    internal TestPair Rotate(TestPair pair)
    {
        Write(pair);
        Raise(CertPath);
        Raise(KeyPath);
        return pair;
    }

    internal void Raise(string path, FileEventKind kind = FileEventKind.Written)
    {
        Events.Raise(path, kind);
        Barrier();
    }

    internal SupervisorState State(CertificatesOptions options, CertificateHolder? holder = null, params IRotationHook[] hooks) => new(
        holder ?? Holder,
        options.Validated(),
        new Platform(Events.Open, new DiskScheduler(Files, Disk)) { Metrics = _metrics, HookThreads = HookThreads },
        loggers: null,
        hooks);

    /// <summary>Starts the pipeline; the subscriber has seen the start's news when it returns.</summary>
    private protected void Start(params CertificateOptions[] pairs) =>
        Start(new CertificatesOptions { Certificates = pairs.Length == 0 ? [Options()] : pairs });

    private protected void Start(CertificatesOptions options) => Start(CertificateSupervisor.Props(State(options)));

    private protected void Start(Props props)
    {
        News();
        var parent = Sys.ActorOf(Props.Create(() => new Server(props)));
        parent.Tell("child", _asker);
        Barrier();
        Supervisor = _asker.ExpectMsg<IActorRef>();
        Supervisor.Tell(new SubscribeToCertificates(Subscriber));
        Barrier();

        // The first look at the files counts as a touch: what it brings about is over before a test begins.
        AdvancePastDebounce();
    }

    private protected void Stop()
    {
        Watch(Supervisor);
        Sys.Stop(Supervisor);
        Barrier();
        ExpectTerminated(Supervisor);
    }

    /// <summary>Passes time in one step.</summary>
    private protected void Advance(double seconds = 0, double milliseconds = 0)
    {
        Clock.Advance(TimeSpan.FromSeconds(seconds) + TimeSpan.FromMilliseconds(milliseconds));
        Barrier();
    }

    /// <summary>Serves a pair, and starts the load of the next one on a disk that hangs.</summary>
    private protected void StartWithHangingLoad()
    {
        Write(TestPair.Make());
        Start();
        HangNextLoad();
    }

    /// <summary>Lets the disk hang, and starts the load of the next pair.</summary>
    private protected void HangNextLoad()
    {
        Disk.Hangs = true;
        Rotate(TestPair.Make());
        AdvancePastDebounce();
    }

    /// <summary>Lets the disk respond again, and everything that waited for it end.</summary>
    private protected void ReleaseDisk()
    {
        Disk.Release();
        Barrier();
    }

    /// <summary>Passes <see cref="CertificateOptions.DebounceWindow"/>: what was touched is loaded.</summary>
    private protected void AdvancePastDebounce() => Advance(milliseconds: 150);

    /// <summary>Passes the 5 s for which a rotation that looks half finished is held: it's judged as it stands.</summary>
    private protected void AdvancePastHold() => Advance(seconds: 5);

    /// <summary>Passes <see cref="CertificateOptions.LoadTimeLimit"/>: a load that hangs is given up.</summary>
    private protected void AdvancePastLoadTimeLimit() => Advance(seconds: 5);

    /// <summary>Passes <see cref="CertificateOptions.PollIntervalWithEvents"/>: every pair is polled.</summary>
    private protected void AdvancePastPoll() => Advance(seconds: 10);

    /// <summary>Passes the 0.25 s after which a load is tried again once it has failed.</summary>
    private protected void AdvancePastFirstRetry() => Advance(milliseconds: 250);

    /// <summary>Passes the 0.25 s after which a child that failed once starts again.</summary>
    private protected void AdvancePastFirstRestart() => Advance(milliseconds: 250);

    /// <summary>Passes time in small steps, so that timers which start others are followed.</summary>
    private protected void Pass(double seconds, double stepMilliseconds = 50)
    {
        for (var passed = 0.0; passed < seconds * 1000; passed += stepMilliseconds)
            Advance(milliseconds: stepMilliseconds);
    }

    /// <summary>How many messages the actors handle within a minute in which nothing happens.</summary>
    private protected long PassMinute()
    {
        var before = _actors.Turns;
        Pass(seconds: 60, stepMilliseconds: 500);
        return _actors.Turns - before;
    }

    /// <summary>Runs the actors until they have nothing more to do before time passes.</summary>
    private protected void Barrier()
    {
        _threads.Add(Environment.CurrentManagedThreadId);
        _actors.Run();
    }

    private protected IActorRef Child(string name) =>
        Find(name) ?? throw new InvalidOperationException($"{name} isn't running");

    /// <returns>Null if no such child is running.</returns>
    private protected IActorRef? Find(string name)
    {
        new ActorSelection(Supervisor, name).Tell(new Identify(0), _asker);
        Barrier();
        return _asker.ExpectMsg<ActorIdentity>().Subject;
    }

    /// <summary>Kills a child, and waits until it is gone.</summary>
    private protected void Kill(IActorRef actor)
    {
        Watch(actor);
        actor.Tell(Akka.Actor.Kill.Instance);
        Barrier();
        ExpectTerminated(actor);
    }

    private protected CertificateStatus Status(string name = "default") => StatusOfAll().Certificates.Single(pair => pair.Name == name);

    private protected CertificateSupervisorStatus StatusOfAll()
    {
        Supervisor.Tell(GetStatus.Instance, _asker);
        Barrier();
        return _asker.ExpectMsg<CertificateSupervisorStatus>();
    }

    /// <summary>All that the subscriber was told and a test hasn't seen yet.</summary>
    private protected List<object> News()
    {
        Barrier();
        var news = new List<object>();
        while (Subscriber.HasMessages)
            news.Add(Subscriber.ReceiveOne(TimeSpan.Zero));
        return news;
    }

    private protected List<T> News<T>() => [.. News().OfType<T>()];

    private protected IReadOnlyList<string> Logged()
    {
        Barrier();
        return [.. _logged.Select(entry => entry.ToString())];
    }

    /// <summary>Waits for other threads than those of a barrier: see <see cref="HasOwnThreads"/>.</summary>
    private protected static async Task EventuallyAsync(Func<bool> condition)
    {
        using var limit = new CancellationTokenSource(Generous);
        while (!condition())
        {
            limit.Token.ThrowIfCancellationRequested();
            await Task.Yield();
        }
    }

    protected override void AfterAll()
    {
        string[] swallowed;
        KeyValuePair<int, string>[] strangers;
        try
        {
            swallowed = [.. Logged().Where(entry => entry.Contains("Swallowing exception during message send", StringComparison.Ordinal))];
            strangers = [.. _actors.Senders.Where(sender => !_threads.Contains(sender.Key))];
        }
        finally
        {
            _actors.Release();
            Meter.Dispose();
            base.AfterAll();
        }

        Assert.True(swallowed.Length == 0, string.Join(Environment.NewLine, swallowed));
        Assert.True(HasOwnThreads || strangers.Length == 0, "A message came from a thread that no barrier waits for: " + strangers.FirstOrDefault().Value);
    }

    /// <summary>The server that spawns the supervisor, and restarts it whatever happens to it.</summary>
    private sealed class Server : ReceiveActor
    {
        public Server(Props props)
        {
            var child = Context.ActorOf(props, CertificateSupervisor.DefaultName);
            Receive<string>(_ => Sender.Tell(child));
        }

        protected override SupervisorStrategy SupervisorStrategy() => new OneForOneStrategy(fault =>
            fault is ActorInitializationException ? Directive.Stop : Directive.Restart);
    }

    private sealed class LogCollector : ReceiveActor
    {
        public LogCollector(ConcurrentQueue<LogEvent> logged)
        {
            Receive<LogEvent>(logged.Enqueue);
        }
    }
}
