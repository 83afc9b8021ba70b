using Akka.Actor;

namespace CertActors.Tests;

/// <summary>What options are refused, and how.</summary>
public sealed class OptionsSpec
{
    private static readonly CertificateOptions Good = new() { CertificatePath = "tls.crt", KeyPath = "tls.key" };

    [Fact]
    public void Every_error_is_named_at_once()
    {
        var refused = Refused(
            Good with
            {
                Name = "no/slash",
                CertificatePath = " ",
                KeyPath = "",
                DebounceWindow = TimeSpan.Zero,
                MaxDebounce = TimeSpan.FromDays(2),
                PollIntervalWithEvents = TimeSpan.FromSeconds(-1),
                PollIntervalWithoutEvents = TimeSpan.Zero,
                LoadTimeLimit = TimeSpan.MaxValue,
            });

        Assert.Equal(8, refused.Errors.Count);
        Assert.All(refused.Errors, error => Assert.Contains(error, refused.Message, StringComparison.Ordinal));
    }

    [Fact]
    public void The_longest_debounce_is_no_shorter_than_the_window() =>
        Assert.Contains(
            nameof(CertificateOptions.MaxDebounce),
            Assert.Single(Refused(Good with { DebounceWindow = TimeSpan.FromSeconds(2) }).Errors),
            StringComparison.Ordinal);

    [Fact]
    public void A_second_pair_of_the_same_name_is_refused() =>
        Assert.Contains(
            "the pair 'DEFAULT' of 'tls.crt' and the pair 'default' of 'other.crt' have the same name",
            Assert.Single(Refused(Good with { Name = "DEFAULT" }, Good with { CertificatePath = "other.crt" }).Errors),
            StringComparison.Ordinal);

    [Fact]
    public void The_same_files_under_two_names_are_refused_by_both_names()
    {
        var error = Assert.Single(Refused(Good with { Name = "a" }, Good with { Name = "b", KeyPath = Path.GetFullPath("tls.key") }).Errors);

        Assert.Contains("'a' and 'b' have the same files", error, StringComparison.Ordinal);
    }

    [Fact]
    public void A_path_that_is_the_text_of_a_key_is_refused_and_not_shown()
    {
        var refused = Refused(Good with { KeyPath = "-----BEGIN PRIVATE KEY-----\nsecret" });

        Assert.Contains("KeyPath must name a PEM or PKCS#12 file; it has the text of one", Assert.Single(refused.Errors), StringComparison.Ordinal);
        Assert.DoesNotContain("secret", refused.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Required_paths_that_are_not_set_are_errors() =>
        Assert.Equal(2, Refused(new CertificateOptions()).Errors.Count);

    [Fact]
    public void A_validated_copy_shares_nothing_and_has_the_defaults()
    {
        var options = new CertificatesOptions { Certificates = [Good with { ServerNames = ["a.example"] }], TrustBundles = [new TrustBundleOptions { CertificatePaths = ["ca.pem"] }] };
        var copy = options.Validated();

        options.Certificates[0].ServerNames.Add("b.example");
        options.Certificates[0].DebounceWindow = TimeSpan.FromHours(1);
        options.Certificates.Clear();
        options.TrustBundles[0].CertificatePaths.Clear();

        Assert.Equal(["a.example"], Assert.Single(copy.Certificates).ServerNames);
        Assert.Equal(TimeSpan.FromMilliseconds(150), copy.Certificates[0].DebounceWindow);
        Assert.Single(copy.TrustBundles[0].CertificatePaths);
        Assert.All([copy.Certificates[0].ExpiryThresholds, copy.TrustBundles[0].ExpiryThresholds], thresholds =>
            Assert.Equal([TimeSpan.FromDays(30), TimeSpan.FromDays(7), TimeSpan.FromDays(1)], thresholds));
    }

    [Theory]
    [InlineData("")]
    [InlineData(null)]
    [InlineData("*")]
    [InlineData("*.")]
    [InlineData("*.*.example.org")]
    [InlineData("w*.example.org")]
    [InlineData(".example.org")]
    [InlineData("a..example.org")]
    [InlineData("no name")]
    [InlineData("10.0.0.1")]
    [InlineData("1.2.3")]
    [InlineData("::1")]
    [InlineData("[::1]")]
    [InlineData("a.example.org:443")]
    [InlineData("aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa.example.org")]
    [InlineData("bücheraaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa.example.org")]
    public void A_server_name_that_no_client_can_send_is_refused(string? name) =>
        Assert.Contains(nameof(CertificateOptions.ServerNames), Assert.Single(Refused(Good with { ServerNames = ["a.example.org", name!] }).Errors), StringComparison.Ordinal);

    [Fact]
    public void Server_names_are_DNS_names_and_wildcards_in_any_form()
    {
        string[] names = ["localhost", "a.example.org", "A.Example.ORG.", "*.example.org", "my_host.example.org", "bücher.example", "*.xn--bcher-kva.example"];

        Assert.Equal(names, Checked(Good with { ServerNames = names }).Certificates[0].ServerNames);
    }

    [Fact]
    public void One_pair_at_most_is_the_default_and_no_pair_for_clients()
    {
        Assert.Contains("'a', 'b' have IsDefault", Assert.Single(Refused(Good with { Name = "a", IsDefault = true }, Good with { Name = "b", IsDefault = true, KeyPath = "b.key" }).Errors), StringComparison.Ordinal);
        var client = Good with { Purpose = CertificatePurpose.ClientAuthentication };
        Assert.Single(Refused(client with { IsDefault = true }).Errors);
        Assert.Single(Refused(client with { ServerNames = ["a.example.org"] }).Errors);
        Assert.Single(Checked(client).Certificates);
    }

    [Theory]
    [InlineData(0)]
    [InlineData(4)]
    [InlineData(5)]
    public void A_purpose_that_is_none_is_refused(int purpose) =>
        Assert.Contains("ServerAuthentication, ClientAuthentication", Assert.Single(Refused(Good with { Purpose = (CertificatePurpose)purpose }).Errors), StringComparison.Ordinal);

    [Fact]
    public void No_pair_at_all_is_refused() => Assert.Single(Refused().Errors);

    [Fact]
    public void A_step_upwards_is_left_for_the_walk_as_a_link_may_come_before_it()
    {
        if (OperatingSystem.IsWindows())
            return;
        var options = Checked(Good with { CertificatePath = "/etc/link/../tls.crt", KeyPath = "tls.key" });
        Assert.Equal("/etc/link/../tls.crt", options.Certificates[0].CertificatePath);
        Assert.Equal(Path.Combine(Environment.CurrentDirectory, "tls.key"), options.Certificates[0].KeyPath);
    }

    [Fact]
    public void The_supervisor_is_never_deployed_elsewhere() =>
        Assert.Equal(Deploy.Local.Scope, CertificateSupervisor.Props(new CertificateHolder(), Good).Deploy.Scope);

    private static CertificatesOptions Checked(params CertificateOptions[] pairs) => new CertificatesOptions { Certificates = pairs }.Validated();

    private static CertificateOptionsException Refused(params CertificateOptions[] pairs) =>
        Assert.Throws<CertificateOptionsException>(
            () => CertificateSupervisor.Props(new CertificateHolder(), new CertificatesOptions { Certificates = pairs }));
}
