using CertActors.Tests.Support;

namespace CertActors.Tests;

/// <summary>A short run of the fuzzer; the benchmarks have the long one.</summary>
public sealed class FuzzSpec
{
    private const int Seed = 20260101;
    private const int Inputs = 20_000;
    private const long MaxAllocated = 16 << 20;

    [Fact]
    public void Whatever_the_files_hold_they_are_accepted_or_rejected_with_a_reason_and_in_little_memory()
    {
        var fuzz = new Fuzz(Seed);

        fuzz.Run(Inputs);

        Assert.Empty(fuzz.NotHit);
        Assert.InRange(fuzz.Accepted, Inputs / 20, Inputs);
        Assert.InRange(fuzz.Largest, 0, MaxAllocated);
    }

    [Fact]
    public void Whatever_the_files_of_a_trust_bundle_hold_they_are_accepted_or_rejected_with_a_reason_and_in_little_memory()
    {
        var fuzz = new BundleFuzz(Seed);

        fuzz.Run(Inputs);

        Assert.Empty(fuzz.NotHit);
        Assert.Empty(fuzz.NotExpected);
        Assert.InRange(fuzz.Accepted, Inputs / 20, Inputs);
        Assert.InRange(fuzz.Largest, 0, MaxAllocated);
    }
}
