using Akka.Actor;
using CertActors.Hosting;
using Microsoft.Extensions.DependencyInjection;

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
        Assert.Contains("'DEFAULT' is given to 2 pairs", Refused(Good with { Name = "DEFAULT" }, Good).Message, StringComparison.Ordinal);

    [Fact]
    public void No_pair_at_all_is_refused() => Assert.Single(Refused().Errors);

    [Fact]
    public void The_services_refuse_what_the_supervisor_would()
    {
        var services = new ServiceCollection();
        Assert.Throws<CertificateOptionsException>(() => services.AddCertificates(Good with { Name = "" }));
        services.AddCertificates(Good);
        Assert.Throws<InvalidOperationException>(() => services.AddCertificates(Good));
    }

    [Fact]
    public void A_step_upwards_is_left_for_the_walk_as_a_link_may_come_before_it()
    {
        if (OperatingSystem.IsWindows())
            return;
        var options = new CertificateSupervisorOptions { Certificates = [Good with { CertificatePath = "/etc/link/../tls.crt", KeyPath = "tls.key" }] }.Validated();
        Assert.Equal("/etc/link/../tls.crt", options.Certificates[0].CertificatePath);
        Assert.Equal(Path.Combine(Environment.CurrentDirectory, "tls.key"), options.Certificates[0].KeyPath);
    }

    [Fact]
    public void The_supervisor_is_never_deployed_elsewhere() =>
        Assert.Equal(Deploy.Local.Scope, CertificateSupervisor.Props(new CertificateHolder(), Good).Deploy.Scope);

    private static CertificateOptionsException Refused(params CertificateOptions[] pairs) =>
        Assert.Throws<CertificateOptionsException>(
            () => CertificateSupervisor.Props(new CertificateHolder(), new CertificateSupervisorOptions { Certificates = pairs }));
}
