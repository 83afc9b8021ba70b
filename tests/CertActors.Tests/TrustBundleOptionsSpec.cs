namespace CertActors.Tests;

/// <summary>What options of a trust bundle are refused, and how.</summary>
public sealed class TrustBundleOptionsSpec
{
    private static readonly TrustBundleOptions Good = new() { CertificatePaths = ["ca.pem"] };

    [Fact]
    public void The_defaults_are_those_of_a_pair()
    {
        var pair = new CertificateOptions { CertificatePath = "tls.crt", KeyPath = "tls.key" };

        Assert.Empty(Good.Errors());
        Assert.Equal(
            ("trust", pair.DebounceWindow, pair.MaxDebounce, pair.PollIntervalWithEvents, pair.PollIntervalWithoutEvents, pair.LoadTimeLimit),
            (Good.Name, Good.DebounceWindow, Good.MaxDebounce, Good.PollIntervalWithEvents, Good.PollIntervalWithoutEvents, Good.LoadTimeLimit));
        Assert.Equal(pair.ExpiryThresholds, Good.ExpiryThresholds);
        Assert.Equal((false, false), (Good.AllowNonAuthorities, Good.AllowStaleRevocationLists));
    }

    [Fact]
    public void Every_error_is_named_at_once()
    {
        var bad = new TrustBundleOptions
        {
            Name = "no/slash",
            CertificatePaths = ["ca.pem", " "],
            RevocationListPaths = ["\0"],
            ExpiryThresholds = [TimeSpan.Zero],
            DebounceWindow = TimeSpan.Zero,
            MaxDebounce = TimeSpan.FromDays(2),
            PollIntervalWithEvents = TimeSpan.FromSeconds(-1),
            PollIntervalWithoutEvents = TimeSpan.Zero,
            LoadTimeLimit = TimeSpan.MaxValue,
        };

        Assert.Equal(9, bad.Errors().Count());
        Assert.All(bad.Errors(), error => Assert.Contains("no/slash", error, StringComparison.Ordinal));
    }

    [Fact]
    public void A_bundle_has_a_file_at_least_and_null_is_an_empty_list()
    {
        Assert.Contains(nameof(TrustBundleOptions.CertificatePaths), Assert.Single((Good with { CertificatePaths = [] }).Errors()), StringComparison.Ordinal);
        Assert.Single((Good with { CertificatePaths = null!, RevocationListPaths = null!, ExpiryThresholds = null! }).Errors());
    }

    [Fact]
    public void Relative_paths_are_resolved()
    {
        var options = (Good with { RevocationListPaths = ["ca.crl"] }).Copy();

        Assert.Equal(Path.Combine(Environment.CurrentDirectory, "ca.pem"), Assert.Single(options.CertificatePaths));
        Assert.Equal(Path.Combine(Environment.CurrentDirectory, "ca.crl"), Assert.Single(options.RevocationListPaths));
        Assert.Equal(options, options with { CertificatePaths = [.. options.CertificatePaths] });
    }
}
