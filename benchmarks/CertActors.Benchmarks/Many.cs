using System.Diagnostics;
using System.Globalization;
using System.Text.Json;
using Akka.Actor;

namespace CertActors.Benchmarks;

/// <summary>The time from the start until thousands of pairs are served, and the memory that they take.</summary>
internal static class Many
{
    private const int BareSample = 1000;
    private const int Rounds = 3;
    private const int PairsOfARound = 10_000;
    private const double MaxSeconds = 8;
    private const double MaxKilobytes = 24;
    private const string Result = "result: ";

    private static readonly TimeSpan BetweenStatuses = TimeSpan.FromMilliseconds(100);
    private static readonly TimeSpan MaxWait = TimeSpan.FromMinutes(20);

    private sealed record Figures(double Seconds, double Kilobytes);

    /// <summary>Both algorithms by turns, each time in a process of its own.</summary>
    public static async Task<int> RunAsync()
    {
        string[] algorithms = ["ecdsa", "rsa"];
        var all = algorithms.ToDictionary(algorithm => algorithm, _ => new List<Figures>());
        for (var round = 0; round < Rounds; round++)
        {
            foreach (var algorithm in algorithms)
                all[algorithm].Add(await RunAsync(algorithm));
        }

        foreach (var (algorithm, figures) in all)
        {
            Console.WriteLine(
                $"{algorithm}: all {PairsOfARound} served after {Spread(one => one.Seconds, MaxSeconds)} s, {Spread(one => one.Kilobytes, MaxKilobytes)} KB a pair");

            string Spread(Func<Figures, double> figure, double limit)
            {
                double[] sorted = [.. figures.Select(figure).Order()];
                return $"{sorted[Rounds / 2]:0.0} ({sorted[0]:0.0} to {sorted[^1]:0.0}; {Limit.AtMost(limit, sorted[Rounds / 2])})";
            }
        }

        return 0;
    }

    private static async Task<Figures> RunAsync(string algorithm)
    {
        using var process = Process.Start(
            new ProcessStartInfo("dotnet", [typeof(Many).Assembly.Location, "many", algorithm, PairsOfARound.ToString(CultureInfo.InvariantCulture)])
            {
                RedirectStandardOutput = true,
            })!;
        Figures? figures = null;
        while (await process.StandardOutput.ReadLineAsync() is { } line)
        {
            if (line.StartsWith(Result, StringComparison.Ordinal))
                figures = JsonSerializer.Deserialize<Figures>(line[Result.Length..]);
            else
                Console.WriteLine(line);
        }

        return figures ?? throw new InvalidOperationException("the run has ended without a result");
    }

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
        var seconds = Stopwatch.GetElapsedTime(started).TotalSeconds;
        Console.WriteLine(
            $"  all served after {seconds:0.0} s, with {(Environment.CpuUsage.TotalTime - used).TotalSeconds:0.0} s of processor time");

        await supervisor.UntilAsync(status => status.Certificates.All(pair => pair.WatchMode == WatchMode.Events), BetweenStatuses, MaxWait);
        var loads = await supervisor.AtRestAsync(every: TimeSpan.FromSeconds(2), MaxWait);
        Console.WriteLine($"  at rest after {Stopwatch.GetElapsedTime(started).TotalSeconds:0.0} s and {loads} loads");
        var (atRest, collected) = (PerPair(Environment.WorkingSet), PerPair(ResidentAfterCollection()));
        Console.WriteLine($"  resident: {atRest:0.0} KB a pair at rest, {collected:0.0} KB after a full collection");
        Console.WriteLine(Result + JsonSerializer.Serialize(new Figures(seconds, collected)));
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
