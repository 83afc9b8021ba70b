using BenchmarkDotNet.Attributes;

namespace CertActors.Benchmarks;

/// <summary>
/// The cost of the look-up of a server name among many. Each pair has a name and a wildcard, so that there are twice as many names as pairs. The names
/// are looked up in turn: a few, which stay in the caches of the processor, or more than fit into them. The figures are per look-up. Limits: 30 ns for an
/// exact name, 60 ns for one below a wildcard, and 0 bytes.
/// </summary>
[MemoryDiagnoser]
public class NameLookUp
{
    private const int Times = 1024;

    private string[] _exact = [];
    private string[] _wildcards = [];
    private string[] _unknown = [];
    private CertificateHolder _holder = null!;

    [Params(10_000, 100_000)]
    public int Pairs { get; set; }

    /// <summary>How many different names are looked up.</summary>
    [Params(16, Times)]
    public int Names { get; set; }

    [GlobalSetup]
    public void Load()
    {
        _holder = ManyNames.Load(Pairs);
        var random = new Random(1);
        int[] pairs = [.. Enumerable.Range(0, Names).Select(_ => random.Next(Pairs))];
        (_exact, _wildcards, _unknown) = (Repeat(ManyNames.Exact), Repeat(ManyNames.BelowWildcard), Repeat(ManyNames.Unknown));

        string[] Repeat(Func<int, string> name)
        {
            string[] names = [.. pairs.Select(name)];
            return [.. Enumerable.Range(0, Times).Select(i => names[i % Names])];
        }
    }

    [Benchmark(OperationsPerInvoke = Times)]
    public ServingCertificate? Exact() => SelectAll(_exact);

    [Benchmark(OperationsPerInvoke = Times)]
    public ServingCertificate? Wildcard() => SelectAll(_wildcards);

    [Benchmark(OperationsPerInvoke = Times)]
    public ServingCertificate? Unknown() => SelectAll(_unknown);

    [Benchmark(OperationsPerInvoke = Times)]
    public ServingCertificate? ExactAsync()
    {
        ServingCertificate? found = null;
        foreach (var name in _exact)
        {
            var selected = _holder.SelectAsync(name);
            found = selected.IsCompletedSuccessfully ? selected.Result : throw new InvalidOperationException("Everything is loaded.");
        }

        return found;
    }

    private ServingCertificate? SelectAll(string[] names)
    {
        ServingCertificate? found = null;
        foreach (var name in names)
            found = _holder.Select(name);
        return found;
    }
}
