using CertActors.Disk;
using CertActors.Reloading;
using CertActors.Supervision;
using CertActors.Tests.Support;

namespace CertActors.Tests;

/// <summary>A mount that answers no more: what lies on it waits, and nothing else does. On real threads, in virtual time.</summary>
public sealed class DeadMountSpec : PipelineKit
{
    private const int Pairs = 100;

    private static readonly TimeSpan Often = TimeSpan.FromMilliseconds(20);

    // Never disposed: a thread may still wait for it.
    private readonly ManualResetEventSlim _alive = new(initialState: true);

    public DeadMountSpec()
    {
        HasOwnThreads = true;
    }

    [Fact]
    public void A_hundred_pairs_that_hang_hold_up_no_other()
    {
        Files.Mount("/dead", device: 2);
        Files.BeforeStat = WaitIfDead;
        Files.AfterRead = WaitIfDead;
        Write(TestPair.Make());
        CertificateOptions[] pairs = [Options(), .. Enumerable.Range(0, Pairs).Select(i => Options($"dead-{i}", $"/dead/{i}/tls.crt", $"/dead/{i}/tls.key"))];
        foreach (var pair in pairs[1..])
            Write(TestPair.Make(), pair.CertificatePath, pair.KeyPath);

        var disk = new CountingThreads();
        StartOn(disk, pairs);
        Await(status => status.Certificates.All(pair => pair is { LastChange: not null, WatchMode: WatchMode.Events }));
        var served = Current;

        _alive.Reset();
        for (var second = 0; second < 600; second += 5)
            Advance(seconds: 5);
        Await(status => status.Certificates.Count(pair => pair.LoadStuck) == Pairs, passMilliseconds: 1000);
        Assert.False(Status().LoadStuck);
        Assert.All(pairs[1..], pair => Assert.Equal(RejectionReason.TimedOut, Status(pair.Name).LastFailure!.Reason));
        Assert.InRange(disk.Hanging(), 1, 4);
        Assert.Same(served, Holder.Current);

        // The others go on: by event, and on request.
        var next = Write(TestPair.Make());
        Raise(CertPath);
        Await(status => status.Certificates[0].LastChange!.Current.Sha256 == next.Sha256, passMilliseconds: 150);
        var last = Write(TestPair.Make(), "/dead/7/tls.crt", "/dead/7/tls.key");

        _alive.Set();
        Await(
            status => status.Certificates.All(pair => pair is { LoadStuck: false, LastFailure: null })
                && status.Certificates[8].LastChange!.Current.Sha256 == last.Sha256,
            passMilliseconds: 1000);
    }

    [Fact]
    public async Task A_table_of_mounts_that_can_not_be_read_is_read_again_and_the_last_one_serves_meanwhile()
    {
        Files.Mount("/dead", device: 2);
        Files.MountsFailure = new IOException();
        var scheduler = new DiskScheduler(Files, Disk);
        Assert.Equal(0UL, await DeviceOfAsync());

        Files.MountsFailure = null;
        Assert.Equal(2UL, await DeviceOfAsync());

        Files.MountsFailure = new IOException();
        scheduler.ForgetMounts();
        Assert.Equal(2UL, await DeviceOfAsync());

        Task<ulong> DeviceOfAsync() => scheduler.Run(Options().ToWatchedFiles(), DiskWork.Inspect, files => files.ReadMounts().DeviceOf("/dead/tls.crt")).Running.WaitAsync(Generous);
    }

    [Theory]
    [InlineData("three mounts")]
    [InlineData("halves of pairs")]
    [InlineData("behind a link")]
    [InlineData("behind a link that is new")]
    public void However_pairs_depend_on_dead_mounts_the_others_are_followed_and_requests_are_answered(string how)
    {
        foreach (var mount in (int[])[0, 1, 2])
            Files.Mount($"/dead/{mount}", device: 2 + (ulong)mount);
        Files.BeforeStat = WaitIfDead;
        Files.AfterRead = WaitIfDead;
        Write(TestPair.Make());
        CertificateOptions[] dead = how switch
        {
            "three mounts" => [.. from mount in (int[])[0, 1, 2] from pair in (int[])[0, 1, 2] select
                Options($"{mount}-{pair}", $"/dead/{mount}/{pair}.crt", $"/dead/{mount}/{pair}.key")],
            "halves of pairs" => [.. from pair in (int[])[0, 1, 2] from half in (int[])[0, 1, 2] select
                Options($"{pair}-{half}", half == 2 ? $"/alive/{pair}.crt" : $"/dead/0/{pair}.crt", half == 1 ? $"/alive/{pair}.key" : $"/dead/0/{pair}.key")],
            "behind a link" => [.. from pair in (int[])[0, 1, 2, 3] select Options($"{pair}", $"/certs/link-{pair}/tls.crt", $"/certs/link-{pair}/tls.key")],
            "behind a link that is new" => [.. from pair in (int[])[0, 1, 2] select Options($"{pair}", $"/certs/link-{pair}/tls.crt", $"/certs/link-{pair}/tls.key")],
            _ => throw new ArgumentOutOfRangeException(nameof(how)),
        };
        foreach (var pair in dead)
        {
            if (how == "behind a link")
                Files.Link($"/certs/link-{pair.Name}", "/dead/0");
            else if (how == "behind a link that is new")
                Files.Link($"/certs/link-{pair.Name}", "/alive");
            else
                Write(TestPair.Make(), pair.CertificatePath, pair.KeyPath);
        }

        Write(TestPair.Make(), "/dead/0/tls.crt", "/dead/0/tls.key");
        // Where there are no events, it's a poll that follows the link first.
        Write(TestPair.Make(), "/alive/tls.crt", "/alive/tls.key");
        if (how == "behind a link that is new")
            Events.Unavailable = new IOException("no events");
        else
            _alive.Reset();
        StartOn(new CountingThreads(), [.. dead, Options("other")]);
        Await(status => status.Certificates[^1] is { LastChange: not null }, passMilliseconds: 1000);
        if (how == "behind a link that is new")
        {
            Await(status => status.Certificates.All(pair => pair.LastChange is not null), passMilliseconds: 1000);
            _alive.Reset();
            foreach (var pair in dead)
                Files.Link($"/certs/link-{pair.Name}", "/dead/0");
        }

        Await(status => status.Certificates.SkipLast(1).All(pair => pair.LastFailure?.Reason == RejectionReason.TimedOut), passMilliseconds: 1000);

        var next = Write(TestPair.Make());
        Raise(CertPath);
        Await(status => status.Certificates[^1].LastChange!.Current.Sha256 == next.Sha256, passMilliseconds: 150);

        var asker = CreateTestProbe();
        Supervisor.Tell(new ReloadNow(), asker);
        AwaitCondition(
            () =>
            {
                Advance(seconds: 1);
                return asker.HasMessages;
            },
            Generous,
            Often);
        var outcomes = asker.ExpectMsg<ReloadNowResult>().Outcomes;
        Assert.Equal(dead.Length, outcomes.Count(outcome => outcome.Failure?.Reason == RejectionReason.TimedOut));
        Assert.Equal(ReloadOutcomeKind.Unchanged, outcomes.Single(outcome => outcome.Name == "other").Kind);
    }

    protected override void AfterAll()
    {
        // The threads are shared with other tests: a failed one gives them back, too.
        _alive.Set();
        base.AfterAll();
    }

    private void WaitIfDead(string path)
    {
        if (path.StartsWith("/dead/", StringComparison.Ordinal) && !_alive.Wait(Generous))
            throw new TimeoutException("the test ended without letting the mount live");
    }

    private void StartOn(CountingThreads disk, CertificateOptions[] pairs)
    {
        var platform = new Platform(Events.Open, new DiskScheduler(Files, disk));
        Start(CertificateSupervisor.Props(new SupervisorState(
            Holder, new CertificatesOptions { Certificates = pairs }.Validated(), platform, loggers: null)));
    }

    /// <summary>Waits until what real threads do has come about; passes virtual time meanwhile, if told to.</summary>
    private void Await(Func<CertificateSupervisorStatus, bool> condition, double passMilliseconds = 0) => AwaitCondition(
        () =>
        {
            if (passMilliseconds > 0)
                Advance(milliseconds: passMilliseconds);
            return condition(StatusOfAll());
        },
        Generous,
        Often);

    /// <summary>The real threads, counting those that are in a call.</summary>
    private sealed class CountingThreads : TaskScheduler
    {
        private static readonly DiskThreads Threads = new(static () => { });

        private int _busy;

        public int Hanging() => Volatile.Read(ref _busy);

        protected override void QueueTask(Task task) => Task.Factory.StartNew(
            () =>
            {
                Interlocked.Increment(ref _busy);
                TryExecuteTask(task);
                Interlocked.Decrement(ref _busy);
            },
            CancellationToken.None,
            TaskCreationOptions.None,
            Threads);

        protected override bool TryExecuteTaskInline(Task task, bool taskWasPreviouslyQueued) => false;

        protected override IEnumerable<Task> GetScheduledTasks() => [];
    }
}
