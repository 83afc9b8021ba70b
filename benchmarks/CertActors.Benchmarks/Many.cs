using System.Diagnostics;
using Akka.Actor;

namespace CertActors.Benchmarks;

/// <summary>The time from the start until thousands of pairs are served, and the memory that they take, in a process of its own.</summary>
internal static class Many
{
    private const int BareSample = 1000;

    private static readonly TimeSpan BetweenStatuses = TimeSpan.FromMilliseconds(100);
    private static readonly TimeSpan MaxWait = TimeSpan.FromMinutes(20);

    public static async Task<int> RunAsync(int pairs, bool isRsa)
    {
        using var all = new ManyPairs(pairs, isRsa);
        using var system = ActorSystem.Create("benchmark", "akka.loglevel = WARNING");
        var holder = new CertificateHolder();
        Console.WriteLine($"{pairs} pairs, {(isRsa ? "RSA with 2048 bits" : "ECDSA on P-256")}, in as many directories");

        Console.WriteLine($"  .NET alone: {BareMilliseconds(all):0.00} ms a pair, on one thread");
        var before = ResidentAfterCollection();
        var (started, used) = (Stopwatch.GetTimestamp(), Environment.CpuUsage.TotalTime);
        var supervisor = system.ActorOf(
            CertificateSupervisor.Props(holder, new CertificatesOptions { Certificates = [.. all.Options] }), CertificateSupervisor.DefaultName);
        await holder.WaitForAllAsync(MaxWait);
        Console.WriteLine(
            $"  all served after {Stopwatch.GetElapsedTime(started).TotalSeconds:0.0} s, with {(Environment.CpuUsage.TotalTime - used).TotalSeconds:0.0} s of processor time");

        await supervisor.UntilAsync(status => status.Certificates.All(pair => pair.WatchMode == WatchMode.Events), BetweenStatuses, MaxWait);
        var loads = await supervisor.AtRestAsync(every: TimeSpan.FromSeconds(2), MaxWait);
        Console.WriteLine($"  at rest after {Stopwatch.GetElapsedTime(started).TotalSeconds:0.0} s and {loads} loads");
        Console.WriteLine($"  resident: {PerPair(Environment.WorkingSet):0.0} KB a pair at rest, {PerPair(ResidentAfterCollection()):0.0} KB after a full collection");
        GC.KeepAlive(holder);
        return 0;

        double PerPair(long resident) => (resident - before) / 1024.0 / pairs;
    }

    /// <returns>What .NET needs to prepare a pair for handshakes.</returns>
    private static double BareMilliseconds(ManyPairs all)
    {
        var started = Stopwatch.GetTimestamp();
        var prepared = all.PrepareByDotNet(BareSample);
        return Stopwatch.GetElapsedTime(started).TotalMilliseconds / prepared;
    }

    private static long ResidentAfterCollection()
    {
        GC.Collect(GC.MaxGeneration, GCCollectionMode.Aggressive, blocking: true, compacting: true);
        GC.WaitForPendingFinalizers();
        GC.Collect(GC.MaxGeneration, GCCollectionMode.Aggressive, blocking: true, compacting: true);
        using var self = Process.GetCurrentProcess();
        return self.WorkingSet64;
    }
}
