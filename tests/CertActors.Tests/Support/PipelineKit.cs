using System.Collections.Concurrent;
using Akka.Actor;
using Akka.Configuration;
using Akka.Event;
using Akka.TestKit;
using Akka.TestKit.Xunit2;
using CertActors.Watching;

namespace CertActors.Tests.Support;

/// <summary>
/// The whole pipeline in virtual time, on files in memory and with scripted events. Nothing happens by itself: a test changes the files,
/// raises events and advances the time, each followed by a barrier.
/// </summary>
public abstract class PipelineKit : TestKit
{
    internal const string CertPath = "/certs/tls.crt";
    internal const string KeyPath = "/certs/tls.key";

    private const string Config =
        """
        akka.scheduler.implementation = "Akka.TestKit.TestScheduler, Akka.TestKit"
        akka.loglevel = INFO
        akka.stdout-loglevel = OFF
        akka.loggers = []
        """;

    private readonly ConcurrentQueue<LogEvent> _logged = [];
    private readonly IActorRef _logs;
    private TestProbe? _barrier;

    protected PipelineKit(bool serializeMessages = true)
        : base(ConfigurationFactory.ParseString($"akka.actor.serialize-messages = {(serializeMessages ? "on" : "off")}").WithFallback(Config))
    {
        _logs = Sys.ActorOf(Props.Create(() => new LogCollector(_logged)));
        Sys.EventStream.Subscribe(_logs, typeof(LogEvent));
    }

    internal MemoryFiles Files { get; } = new();

    internal ScriptedEvents Events { get; } = new();

    internal HangingDisk Disk { get; } = new();

    private protected CertificateHolder Holder { get; } = new();

    private protected IActorRef Supervisor { get; private set; } = ActorRefs.Nobody;

    private protected TestProbe Subscriber { get; private set; } = null!;

    private protected ServingCertificate Current => Holder.Current ?? throw new InvalidOperationException("nothing is served");

    /// <summary>How often a barrier asks each actor in turn whether it's done.</summary>
    private protected int Rounds { get; init; } = 6;

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

    internal CertificateRegistry Registry(CertificateSupervisorOptions options, CertificateHolder? holder = null) => new(
        holder ?? Holder, options.Checked(), new Platform(Events.Open, new DiskLanes(Files, Disk)), loggers: null);

    /// <summary>Starts the pipeline; the subscriber has seen the start's news when it returns.</summary>
    private protected void Start(params CertificateOptions[] pairs) =>
        Start(new CertificateSupervisorOptions { Certificates = pairs.Length == 0 ? [Options()] : pairs });

    private protected void Start(CertificateSupervisorOptions options) => Start(CertificateSupervisor.Props(Registry(options)));

    private protected void Start(Props props)
    {
        Subscriber = CreateTestProbe();
        var parent = Sys.ActorOf(Props.Create(() => new Server(props)));
        Supervisor = parent.Ask<IActorRef>("child").GetAwaiter().GetResult();
        Supervisor.Tell(new Subscribe(Subscriber));
        Barrier();

        // The first look at the files counts as a touch: what it brings about is over before a test begins.
        Advance(milliseconds: 150);
    }

    private protected void Stop()
    {
        Watch(Supervisor);
        Sys.Stop(Supervisor);
        ExpectTerminated(Supervisor);
    }

    /// <summary>Passes time in one step.</summary>
    private protected void Advance(double seconds = 0, double milliseconds = 0)
    {
        Clock.Advance(TimeSpan.FromSeconds(seconds) + TimeSpan.FromMilliseconds(milliseconds));
        Barrier();
    }

    /// <summary>Passes time in small steps, so that timers which start others are followed.</summary>
    private protected void Pass(double seconds, double stepMilliseconds = 50)
    {
        for (var passed = 0.0; passed < seconds * 1000; passed += stepMilliseconds)
            Advance(milliseconds: stepMilliseconds);
    }

    /// <summary>Returns when every actor has nothing more to do until time passes. The rounds follow a message that goes through all of them.</summary>
    private protected void Barrier()
    {
        if (Supervisor.IsNobody())
            return;
        var probe = _barrier ??= CreateTestProbe();
        for (var round = 0; round < Rounds; round++)
        {
            foreach (var actor in (string[])["file-watch", "debounce", "pair-default", "pair-other"])
                Ask(new ActorSelection(Supervisor, actor));
            Ask(new ActorSelection(Supervisor, ""));
        }

        void Ask(ActorSelection actor)
        {
            actor.Tell(new Identify(0), probe);
            probe.ExpectMsg<ActorIdentity>();
        }
    }

    private protected IActorRef Child(string name) =>
        new ActorSelection(Supervisor, name).ResolveOne(TimeSpan.FromSeconds(10)).GetAwaiter().GetResult();

    /// <summary>Kills a child, and waits until it is gone.</summary>
    private protected void Kill(IActorRef actor)
    {
        Watch(actor);
        actor.Tell(Akka.Actor.Kill.Instance);
        ExpectTerminated(actor);
        Barrier();
    }

    private protected CertificateStatus Status(string name = "default")
    {
        var probe = CreateTestProbe();
        Supervisor.Tell(GetStatus.Instance, probe);
        return probe.ExpectMsg<CertificatesStatus>().Certificates.Single(pair => pair.Name == name);
    }

    /// <summary>All that the subscriber was told and a test hasn't seen yet.</summary>
    private protected List<object> News()
    {
        var news = new List<object>();
        while (Subscriber.HasMessages)
            news.Add(Subscriber.ReceiveOne(TimeSpan.Zero));
        return news;
    }

    private protected List<T> News<T>() => [.. News().OfType<T>()];

    private protected IReadOnlyList<string> Logged()
    {
        _logs.Ask<ActorIdentity>(new Identify(0)).GetAwaiter().GetResult();
        return [.. _logged.Select(entry => entry.ToString())];
    }

    protected override void AfterAll()
    {
        var swallowed = Logged().Where(entry => entry.Contains("Swallowing exception during message send", StringComparison.Ordinal)).ToArray();
        base.AfterAll();
        Assert.True(swallowed.Length == 0, string.Join(Environment.NewLine, swallowed));
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
