using System.Diagnostics;
using System.Net.Security;
using System.Security.Cryptography.X509Certificates;
using Akka.Actor;

namespace CertActors.Benchmarks;

/// <summary>The CPU and the time until many pairs are served, on a real disk, compared with what .NET alone needs to prepare them for a handshake.</summary>
internal static class Starting
{
    private const int Rounds = 3;

    // A status of thousands of pairs takes CPU, too.
    private static readonly TimeSpan BetweenStatuses = TimeSpan.FromMilliseconds(500);

    private static readonly TimeSpan MaxWait = TimeSpan.FromMinutes(5);

    public static async Task<int> RunAsync(int pairs)
    {
        using var all = new ManyPairs(pairs);
        Console.WriteLine($"{pairs} pairs, ECDSA on P-256, in as many directories; by turns, {Rounds} times");
        for (var round = 0; round < Rounds; round++)
        {
            var bare = Measure(() => Bare(all), out var elapsedBare);
            Report("  .NET alone", bare, elapsedBare, pairs);

            using var system = ActorSystem.Create("benchmark", "akka.loglevel = WARNING");
            var (cpu, started) = (Cpu(), Stopwatch.GetTimestamp());
            var supervisor = system.ActorOf(
                CertificateSupervisor.Props(new CertificateHolder(), new CertificatesOptions { Certificates = [.. all.Options] }),
                CertificateSupervisor.DefaultName);
            await UntilAsync(supervisor, status => status.Certificates.All(pair => pair is { LastChange: not null, WatchMode: WatchMode.Events }));
            Report("  watched and served", Cpu() - cpu, Stopwatch.GetElapsedTime(started), pairs);

            // The first inspection touches each pair, which is then loaded once more.
            var loads = 0L;
            await UntilAsync(supervisor, status => loads == (loads = status.Certificates.Sum(pair => pair.Loads.Changed + pair.Loads.Unchanged)), every: TimeSpan.FromSeconds(1));
            Report($"  at rest, after {loads} loads", Cpu() - cpu, Stopwatch.GetElapsedTime(started), pairs);
            await supervisor.GracefulStop(MaxWait);
        }

        return 0;
    }

    private static void Bare(ManyPairs all)
    {
        var contexts = new List<SslStreamCertificateContext>(all.Options.Count);
        foreach (var pair in all.Options)
        {
            var leaf = X509Certificate2.CreateFromPem(File.ReadAllText(pair.CertificatePath), File.ReadAllText(pair.KeyPath));
            contexts.Add(SslStreamCertificateContext.Create(leaf, additionalCertificates: null, offline: true));
        }

        foreach (var context in contexts)
            context.TargetCertificate.Dispose();
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

    private static async Task UntilAsync(IActorRef supervisor, Func<CertificateSupervisorStatus, bool> condition, TimeSpan? every = null)
    {
        using var limit = new CancellationTokenSource(MaxWait);
        while (!condition(await supervisor.Ask<CertificateSupervisorStatus>(GetStatus.Instance, limit.Token)))
            await Task.Delay(every ?? BetweenStatuses, limit.Token);
    }

    private static TimeSpan Cpu() => Process.GetCurrentProcess().TotalProcessorTime;
}
