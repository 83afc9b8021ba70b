using System.Diagnostics;
using Akka.Actor;

namespace CertActors.Benchmarks;

/// <summary>The CPU and the time until many pairs are served, on a real disk, compared with what .NET alone needs to prepare them for a handshake.</summary>
internal static class Starting
{
    private const int Rounds = 3;

    private static readonly TimeSpan BetweenStatuses = TimeSpan.FromMilliseconds(500);

    private static readonly TimeSpan MaxWait = TimeSpan.FromMinutes(5);

    public static async Task<int> RunAsync(int pairs)
    {
        using var all = new ManyPairs(pairs);
        Console.WriteLine($"{pairs} pairs, ECDSA on P-256, in as many directories; by turns, {Rounds} times");
        for (var round = 0; round < Rounds; round++)
        {
            var bare = Measure(() => all.PrepareByDotNet(pairs), out var elapsedBare);
            Report("  .NET alone", bare, elapsedBare, pairs);

            using var system = ActorSystem.Create("benchmark", "akka.loglevel = WARNING");
            var (cpu, started) = (Cpu(), Stopwatch.GetTimestamp());
            var supervisor = system.ActorOf(
                CertificateSupervisor.Props(new CertificateHolder(), new CertificatesOptions { Certificates = [.. all.Options] }),
                CertificateSupervisor.DefaultName);
            await supervisor.UntilAsync(status => status.Certificates.All(pair => pair is { LastChange: not null, WatchMode: WatchMode.Events }), BetweenStatuses, MaxWait);
            Report("  watched and served", Cpu() - cpu, Stopwatch.GetElapsedTime(started), pairs);

            var loads = await supervisor.AtRestAsync(every: TimeSpan.FromSeconds(1), MaxWait);
            Report($"  at rest, after {loads} loads", Cpu() - cpu, Stopwatch.GetElapsedTime(started), pairs);
            await supervisor.GracefulStop(MaxWait);
        }

        return 0;
    }

    private static TimeSpan Measure(Action work, out TimeSpan elapsed)
    {
        var (cpu, started) = (Cpu(), Stopwatch.GetTimestamp());
        work();
        elapsed = Stopwatch.GetElapsedTime(started);
        return Cpu() - cpu;
    }

    private static void Report(string what, TimeSpan cpu, TimeSpan elapsed, int pairs) =>
        Console.WriteLine($"{what,-32} {cpu.TotalMilliseconds / pairs:0.00} ms of CPU a pair, {elapsed.TotalSeconds:0.0} s");

    private static TimeSpan Cpu() => Process.GetCurrentProcess().TotalProcessorTime;
}
