using BenchmarkDotNet.Attributes;

namespace CertActors.Benchmarks;

/// <summary>
/// The cost of the look-up of a server name among many. Each pair has a name and a wildcard, so that there are twice as many names as pairs. The names
/// that are looked up change all the time, as in a server; the figures are per look-up, with the loop around it.
/// </summary>
[MemoryDiagnoser]
public class NameLookUp
{
    private const int Times = 1024;

    private readonly string[] _exact = new string[Times];
    private readonly string[] _wildcards = new string[Times];
    private readonly string[] _unknown = new string[Times];
    private CertificateHolder _holder = null!;

    [Params(10_000, 100_000)]
    public int Pairs { get; set; }

    [GlobalSetup]
    public void Load()
    {
        _holder = ManyNames.Load(Pairs);
        var random = new Random(1);
        for (var i = 0; i < Times; i++)
        {
            var pair = random.Next(Pairs);
            (_exact[i], _wildcards[i], _unknown[i]) = (ManyNames.Exact(pair), ManyNames.BelowWildcard(pair), ManyNames.Unknown(pair));
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
