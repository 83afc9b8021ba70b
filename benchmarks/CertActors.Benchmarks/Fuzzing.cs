using System.Diagnostics;
using CertActors.Tests.Support;

namespace CertActors.Benchmarks;

/// <summary>A long run of the fuzzer: for any file contents, a load ends with a verdict, in bounded time and memory.</summary>
internal static class Fuzzing
{
    private const long Report = 100_000;
    private const long MaxAllocated = 16 << 20;
    private const double LeastAccepted = 0.05;

    private static readonly TimeSpan MaxLoadTime = TimeSpan.FromSeconds(1);

    public static int Run(long inputs, int seed)
    {
        var fuzz = new Fuzz(seed);
        var started = Stopwatch.GetTimestamp();
        Console.WriteLine($"seed {seed}");
        while (fuzz.Inputs < inputs)
        {
            fuzz.Run(Math.Min(Report, inputs - fuzz.Inputs));
            Console.WriteLine($"{fuzz.Inputs} inputs in {Stopwatch.GetElapsedTime(started).TotalSeconds:0} s, {fuzz.Accepted} accepted");
        }

        Console.WriteLine($"accepted               {fuzz.Accepted,9} ({100.0 * fuzz.Accepted / fuzz.Inputs:0.0} %)");
        foreach (var (reason, count) in fuzz.Rejected)
            Console.WriteLine($"{reason,-22} {count,9}");
        Console.WriteLine($"slowest load {fuzz.Slowest.TotalMilliseconds:0} ms, largest {fuzz.Largest / 1024.0:0} KiB allocated; reasons not hit: {fuzz.NotHit.Count()} ({string.Join(", ", fuzz.NotHit)})");
        return !fuzz.NotHit.Any() && fuzz.Accepted >= LeastAccepted * fuzz.Inputs && fuzz.Slowest < MaxLoadTime && fuzz.Largest <= MaxAllocated ? 0 : 1;
    }
}
