using BenchmarkDotNet.Attributes;

namespace CertActors.Benchmarks;

/// <summary>The same number of look-ups of names, divided among threads: with two, it takes half the time if they don't hinder each other.</summary>
public class NameLookUpThreads
{
    private const int Times = 1 << 22;
    private const int Names = 16;
    private const int Pairs = 10_000;

    private readonly string[] _names = new string[Names];
    private CertificateHolder _holder = null!;

    [Params(1, 2)]
    public int Threads { get; set; }

    [GlobalSetup]
    public void Load()
    {
        _holder = ManyNames.Load(Pairs);
        var random = new Random(1);
        for (var i = 0; i < Names; i++)
            _names[i] = ManyNames.Exact(random.Next(Pairs));
    }

    [Benchmark(OperationsPerInvoke = Times)]
    public void Exact()
    {
        Thread[] threads = [.. Enumerable.Range(0, Threads).Select(_ => new Thread(Select))];
        foreach (var thread in threads)
            thread.Start();
        foreach (var thread in threads)
            thread.Join();
    }

    private void Select()
    {
        for (var i = 0; i < Times / Threads / Names; i++)
        {
            foreach (var name in _names)
                _ = _holder.Select(name) ?? throw new InvalidOperationException("Everything is loaded.");
        }
    }
}
