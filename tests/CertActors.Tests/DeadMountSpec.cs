using CertActors.Tests.Support;
using CertActors.Watching;

namespace CertActors.Tests;

/// <summary>A mount that answers no more: what lies on it waits, and nothing else does. On real threads, in virtual time.</summary>
public sealed class DeadMountSpec : PipelineKit
{
    private const int Pairs = 100;

    private static readonly TimeSpan Generous = TimeSpan.FromSeconds(60);

    [Fact]
    public void A_hundred_pairs_that_hang_hold_up_no_other()
    {
        using var alive = new ManualResetEventSlim(true);
        Files.Mount("/dead", device: 2);
        Files.BeforeStat = path => WaitIfDead(path, alive);
        Files.AfterRead = path => WaitIfDead(path, alive);
        Write(TestPair.Make());
        CertificateOptions[] pairs = [Options(), .. Enumerable.Range(0, Pairs).Select(i => Options($"dead-{i}", $"/dead/{i}/tls.crt", $"/dead/{i}/tls.key"))];
        foreach (var pair in pairs[1..])
            Write(TestPair.Make(), pair.CertificatePath, pair.KeyPath);

        var disk = new CountingThreads();
        StartOn(disk, pairs);
        Await(status => status.Certificates.All(pair => pair is { LastChange: not null, WatchMode: WatchMode.Events }));
        var served = Current;

        alive.Reset();
        for (var second = 0; second < 600; second += 5)
            Advance(seconds: 5);
        Await(status => status.Certificates.Count(pair => pair.LoadStuck) == Pairs);
        Assert.False(Status().LoadStuck);
        Assert.All(pairs[1..], pair => Assert.Equal(RejectionReason.TimedOut, Status(pair.Name).LastFailure!.Reason));
        Assert.InRange(disk.Hanging(), 1, 3);
        Assert.Same(served, Holder.Current);

        // The others go on: by event, and on request.
        var next = Write(TestPair.Make());
        Raise(CertPath);
        Await(status => status.Certificates[0].LastChange!.Current.Sha256 == next.Sha256, passMilliseconds: 150);
        var last = Write(TestPair.Make(), "/dead/7/tls.crt", "/dead/7/tls.key");

        alive.Set();
        Await(
            status => status.Certificates.All(pair => pair is { LoadStuck: false, LastFailure: null })
                && status.Certificates[8].LastChange!.Current.Sha256 == last.Sha256,
            passMilliseconds: 1000);
    }

    private static void WaitIfDead(string path, ManualResetEventSlim alive)
    {
        if (path.StartsWith("/dead/", StringComparison.Ordinal))
            alive.Wait();
    }

    private void StartOn(CountingThreads disk, CertificateOptions[] pairs)
    {
        var platform = new Platform(Files, Events.Open, new DiskLanes(disk.AtMost));
        Start(CertificateSupervisor.Props(new CertificateRegistry(
            Holder, new CertificateSupervisorOptions { Certificates = pairs }.Checked(), platform, loggers: null)));
    }

    /// <summary>Waits until what real threads do has come about; passes virtual time meanwhile, if told to.</summary>
    private void Await(Func<CertificatesStatus, bool> condition, double passMilliseconds = 0) => AwaitCondition(
        () =>
        {
            if (passMilliseconds > 0)
                Advance(milliseconds: passMilliseconds);
            var probe = CreateTestProbe();
            Supervisor.Tell(GetStatus.Instance, probe);
            return condition(probe.ExpectMsg<CertificatesStatus>());
        },
        Generous);

    /// <summary>The real threads, counting those that are in a call.</summary>
    private sealed class CountingThreads
    {
        private readonly List<TaskScheduler> _lanes = [];
        private int _busy;

        public int Hanging() => Volatile.Read(ref _busy);

        public TaskScheduler AtMost(int threads)
        {
            var lane = new ConcurrentExclusiveSchedulerPair(new Counted(this), threads).ConcurrentScheduler;
            _lanes.Add(lane);
            return lane;
        }

        private sealed class Counted(CountingThreads owner) : TaskScheduler
        {
            protected override void QueueTask(Task task) => Task.Factory.StartNew(
                () =>
                {
                    Interlocked.Increment(ref owner._busy);
                    TryExecuteTask(task);
                    Interlocked.Decrement(ref owner._busy);
                },
                CancellationToken.None,
                TaskCreationOptions.None,
                DiskThreads.Shared);

            protected override bool TryExecuteTaskInline(Task task, bool taskWasPreviouslyQueued) => false;

            protected override IEnumerable<Task> GetScheduledTasks() => [];
        }
    }
}
