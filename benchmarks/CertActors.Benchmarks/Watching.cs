using System.Collections.Concurrent;
using System.Diagnostics;
using Akka.Actor;
using Akka.Configuration;
using CertActors.Debouncing;
using CertActors.Disk;
using CertActors.Reloading;
using CertActors.Supervision;
using CertActors.Watching;
using Microsoft.Extensions.Logging.Abstractions;

namespace CertActors.Benchmarks;

/// <summary>The cost of watching many pairs on a real disk: threads, descriptors, memory, CPU and time.</summary>
internal static class Watching
{
    private static readonly TimeSpan MaxWait = TimeSpan.FromMinutes(5);
    private static readonly TimeSpan BetweenStatuses = TimeSpan.FromMilliseconds(50);

    public static async Task<int> RunAsync(int pairs)
    {
        var good = true;
        using (var one = new ManyPairs(1))
        using (var all = new ManyPairs(pairs))
        {
            Console.WriteLine($"{pairs} pairs in as many directories");
            good &= await WatchAsync(one, all);
            good &= await CarryAsync(all);
        }

        using (var one = new ManyPairs(1))
            good &= await StormAsync(one);
        return good ? 0 : 1;
    }

    /// <summary>The watch alone: its cost, and the time from a change to the touch.</summary>
    private static async Task<bool> WatchAsync(ManyPairs one, ManyPairs all)
    {
        using var system = ActorSystem.Create("benchmark", "akka.loglevel = WARNING");
        var single = await WatchedAsync(system, [one.Options[0].ToWatchedFiles()]);
        await single.TouchAsync(one.Options[0], times: 500);
        var (threadsBefore, instancesBefore) = (Threads(), InotifyInstances());

        // What is watched belongs to the supervisor, and isn't part of the watch.
        WatchedFiles[] files = [.. all.Options.Select(pair => pair.ToWatchedFiles())];
        var memory = GC.GetTotalMemory(forceFullCollection: true);
        var watching = await WatchedAsync(system, files);
        var bytes = (GC.GetTotalMemory(forceFullCollection: true) - memory) / all.Options.Count;
        var (threads, instances) = (Threads() - threadsBefore, InotifyInstances() - instancesBefore);

        // By turns, so that other load of the machine affects both.
        List<double> ofOne = [], ofMany = [];
        for (var round = 0; round < 20; round++)
        {
            ofOne.AddRange(await single.TouchAsync(one.Options[0], times: 20));
            ofMany.AddRange(await watching.TouchAsync(all.Options[all.Options.Count / 2], times: 20));
        }

        await single.StopAsync();
        await watching.StopAsync();
        var (medianOfOne, medianOfMany) = (Median(ofOne), Median(ofMany));

        Console.WriteLine($"  watches added in {watching.Elapsed.TotalSeconds:0.00} s; {instances} inotify instance; {threads:+0;-0;0} threads beside those of one pair, the instance's own among them");
        Console.WriteLine($"  {bytes} bytes of managed memory a watched directory");
        Console.WriteLine($"  change to FilesTouched: median {medianOfOne:0} us with one pair, {medianOfMany:0} us with all, ratio {medianOfMany / medianOfOne:0.00}");
        return instances == 1;
    }

    /// <summary>The whole component: idle, and with all pairs rotated at once.</summary>
    private static async Task<bool> CarryAsync(ManyPairs all)
    {
        using var system = ActorSystem.Create("benchmark", "akka.loglevel = WARNING");

        // The scheduler wakes up every 10 ms once it has anything to wait for.
        var clock = system.Scheduler.ScheduleTellRepeatedlyCancelable(
            TimeSpan.FromMinutes(10), TimeSpan.FromMinutes(10), system.DeadLetters, "never", ActorRefs.NoSender);
        var clockAlone = await IdleAsync();
        clock.Cancel();

        var holder = new CertificateHolder();
        var started = Stopwatch.GetTimestamp();
        var supervisor = system.ActorOf(
            CertificateSupervisor.Props(holder, new CertificatesOptions { Certificates = [.. all.Options] }), CertificateSupervisor.DefaultName);
        await supervisor.UntilAsync(status => status.Certificates.All(pair => pair is { LastChange: not null, WatchMode: WatchMode.Events }), BetweenStatuses, MaxWait);
        Console.WriteLine($"  all watched and served after {Stopwatch.GetElapsedTime(started).TotalSeconds:0.0} s");

        // The loads of the start have ended before the idle time begins.
        await Task.Delay(TimeSpan.FromSeconds(15));
        var idle = await IdleAsync();
        Console.WriteLine($"  idle: {idle - clockAlone:0.0} % of one core, beside the {clockAlone:0.0} % that the clock of any actor system takes");

        started = Stopwatch.GetTimestamp();
        for (var pair = 0; pair < all.Options.Count; pair++)
            all.Rotate(pair);
        var written = Stopwatch.GetElapsedTime(started);
        var expected = Enumerable.Range(0, all.Options.Count).ToDictionary(pair => all.Options[pair].Name, all.ExpectedSha256);
        await supervisor.UntilAsync(status => status.Certificates.All(pair => pair.LastChange!.Current.Sha256 == expected[pair.Name]), BetweenStatuses, MaxWait);
        var queue = File.ReadAllText("/proc/sys/fs/inotify/max_queued_events").Trim();
        Console.WriteLine($"  all rotated within {written.TotalSeconds:0.0} s (the kernel's queue holds {queue} events): each served anew {(Stopwatch.GetElapsedTime(started) - written).TotalSeconds:0.0} s later, none lost");
        return true;
    }

    /// <summary>One pair that changes all the time.</summary>
    private static async Task<bool> StormAsync(ManyPairs one)
    {
        var config = ConfigurationFactory.ParseString(
            $$"""
            akka.loglevel = WARNING
            akka.actor.mailbox.unbounded-queue-based.mailbox-type = "{{typeof(CountingMailbox).AssemblyQualifiedName}}"
            """);
        using var system = ActorSystem.Create("benchmark", config);
        var supervisor = system.ActorOf(CertificateSupervisor.Props(new CertificateHolder(), one.Options[0]), CertificateSupervisor.DefaultName);
        await supervisor.UntilAsync(status => status.Certificates[0] is { LastChange: not null, WatchMode: WatchMode.Events }, BetweenStatuses, MaxWait);
        await Task.Delay(TimeSpan.FromSeconds(2));

        var certificate = one.Options[0].CertificatePath;
        var sibling = Path.Combine(Path.GetDirectoryName(certificate)!, "sibling");
        CountingMailbox.Reset();
        var storm = TimeSpan.FromMinutes(1);
        var (cpu, started, touches) = (Cpu(), Stopwatch.GetTimestamp(), 0);
        using var pace = new PeriodicTimer(TimeSpan.FromMilliseconds(10));
        while (Stopwatch.GetElapsedTime(started) < storm && await pace.WaitForNextTickAsync())
        {
            File.WriteAllText(sibling, "");
            File.SetLastWriteTimeUtc(certificate, DateTime.UnixEpoch.AddSeconds(++touches));
        }

        Console.WriteLine(
            $"  storm of {touches} touches in {storm.TotalSeconds} s: at most {CountingMailbox.Most} messages waiting at any time, "
            + $"{CountingMailbox.Reloads} reloads, {(Cpu() - cpu) / storm * 100:0.0} % of one core, the storm's own part included");
        // Two for each of the four actors: a request and a timer or a result. It doesn't grow with the touches, of which there are thousands.
        return CountingMailbox.Most <= 8 && CountingMailbox.Reloads <= storm.TotalSeconds;
    }

    /// <returns>The CPU of the idle process, in % of one core.</returns>
    private static async Task<double> IdleAsync()
    {
        var idle = TimeSpan.FromSeconds(60);
        var cpu = Cpu();
        await Task.Delay(idle);
        return (Cpu() - cpu) / idle * 100;
    }

    private static double Median(List<double> values) => values.Order().ElementAt(values.Count / 2);

    private static async Task<WatchedPairs> WatchedAsync(ActorSystem system, IReadOnlyList<WatchedFiles> files)
    {
        var started = Stopwatch.GetTimestamp();
        var watched = new TaskCompletionSource();
        var touched = new ConcurrentQueue<(string Pair, long At)>();
        var parent = system.ActorOf(Props.Create(() => new Parent(files, watched, touched)));
        await watched.Task.WaitAsync(MaxWait);
        return new WatchedPairs(parent, touched, Stopwatch.GetElapsedTime(started));
    }

    private static int Threads() => Process.GetCurrentProcess().Threads.Count;

    private static TimeSpan Cpu() => Process.GetCurrentProcess().TotalProcessorTime;

    private static int InotifyInstances() =>
        new DirectoryInfo("/proc/self/fd").EnumerateFiles().Count(file => file.LinkTarget == "anon_inode:inotify");

    private sealed record WatchedPairs(IActorRef Parent, ConcurrentQueue<(string Pair, long At)> Touched, TimeSpan Elapsed)
    {
        /// <returns>The time from the change to the touch, in microseconds.</returns>
        public async Task<List<double>> TouchAsync(CertificateOptions pair, int times)
        {
            var micros = new List<double>();
            for (var i = 0; i < times; i++)
            {
                await Task.Delay(TimeSpan.FromMilliseconds(10));
                Touched.Clear();
                var started = Stopwatch.GetTimestamp();
                File.SetLastWriteTimeUtc(pair.CertificatePath, DateTime.UnixEpoch.AddSeconds(i));
                (string Pair, long At) touch;
                while (!Touched.TryDequeue(out touch) || touch.Pair != pair.Name)
                    await Task.Yield();
                micros.Add(Stopwatch.GetElapsedTime(started, touch.At).TotalMicroseconds);
            }

            return micros;
        }

        public async Task StopAsync() => await Parent.GracefulStop(MaxWait);
    }

    /// <summary>Takes the place of the supervisor, with the watch as its only child.</summary>
    private sealed class Parent : ReceiveActor
    {
        public Parent(IReadOnlyList<WatchedFiles> files, TaskCompletionSource watched, ConcurrentQueue<(string Pair, long At)> touched)
        {
            var waiting = files.Count;
            var debounce = Context.ActorOf(Props.Create(() => new Recorder(touched)), "debounce");
            var platform = Platform.Real;
            Context.ActorOf(
                Props.Create(() => new FileWatchActor(files, platform.OpenEventSource, platform.Disk, debounce, CertificateMetrics.Shared.WatchEvents, NullLogger.Instance)), "file-watch");
            Receive<FilesWatched>(_ =>
            {
                if (--waiting == 0)
                    watched.SetResult();
            });
        }
    }

    private sealed class Recorder : ReceiveActor
    {
        public Recorder(ConcurrentQueue<(string Pair, long At)> touched)
        {
            Receive<FilesTouched>(touch => touched.Enqueue((touch.Name, Stopwatch.GetTimestamp())));
        }
    }
}
