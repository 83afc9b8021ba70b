using BenchmarkDotNet.Attributes;

namespace CertActors.Benchmarks;

/// <summary>The same number of look-ups of names, divided among threads. Limit: with two, 0.53 of the time with one.</summary>
public class NameLookUpThreads
{
    private const int Times = 1 << 22;
    private const int Names = 16;
    private const int Pairs = 10_000;

    private readonly string[] _names = new string[Names];
    private CertificateHolder _holder = null!;

    [GlobalSetup]
    public void Load()
    {
        _holder = ManyNames.Load(Pairs);
        var random = new Random(1);
        for (var i = 0; i < Names; i++)
            _names[i] = ManyNames.Exact(random.Next(Pairs));
    }

    [Benchmark(Baseline = true, OperationsPerInvoke = Times)]
    public void OneThread() => SelectAll(threads: 1);

    [Benchmark(OperationsPerInvoke = Times)]
    public void TwoThreads() => SelectAll(threads: 2);

    private void SelectAll(int threads)
    {
        Thread[] all = [.. Enumerable.Range(0, threads).Select(_ => new Thread(() => Select(Times / threads)))];
        foreach (var thread in all)
            thread.Start();
        foreach (var thread in all)
            thread.Join();
    }

    private void Select(int times)
    {
        for (var i = 0; i < times / Names; i++)
        {
            foreach (var name in _names)
                _ = _holder.Select(name) ?? throw new InvalidOperationException("Everything is loaded.");
        }
    }
}
