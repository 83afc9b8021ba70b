extern alias hosting;

using System.Text.Json;
using Akka.Hosting;
using CertActors.Tests.Support;
using hosting::CertActors.Hosting;
using Microsoft.Extensions.Diagnostics.HealthChecks;

namespace CertActors.Tests;

/// <summary>What the health check reports of the states of pairs and trust bundles.</summary>
public sealed class CertificateHealthSpec : PipelineKit
{
    private const string BundlePath = "/trust/ca.pem";
    private const string ListPath = "/trust/ca.crl";

    private readonly CertificateHealthOptions _options = new();

    [Fact]
    public void All_that_is_served_is_healthy()
    {
        Files.Write(BundlePath, new TestAuthority("one").CertificatePem);
        Write(TestPair.Make());
        Start(new CertificatesOptions { Certificates = [Options()], TrustBundles = [new TrustBundleOptions { CertificatePaths = [BundlePath] }] });

        var result = Check();

        Assert.Equal(HealthStatus.Healthy, result.Status);
        Assert.Empty(result.Data);
    }

    [Fact]
    public void A_pair_or_bundle_that_serves_nothing_has_the_failure_status_of_the_registration()
    {
        Write(TestPair.Make());
        Start(new CertificatesOptions
        {
            Certificates = [Options(), Options("missing", "/missing/tls.crt", "/missing/tls.key")],
            TrustBundles = [new TrustBundleOptions { CertificatePaths = [BundlePath] }],
        });
        AdvancePastHold();

        var result = Check(HealthStatus.Degraded);
        Assert.Equal(HealthStatus.Degraded, result.Status);
        Assert.Equal(HealthStatus.Unhealthy, Check(HealthStatus.Unhealthy).Status);
        Assert.Equal(["missing: NotServed", "trust: NotServed"], result.Data.Keys.Order());
        var issue = (CertificateHealthIssue)result.Data["missing: NotServed"];
        Assert.Equal(Status("missing").LastFailure!.At, issue.Since);
        Assert.Contains("/missing/tls.crt", issue.Message, StringComparison.Ordinal);
        Assert.Contains("missing: ", result.Description, StringComparison.Ordinal);
        Assert.Contains("\"Reason\":\"NotServed\"", JsonSerializer.Serialize(issue), StringComparison.Ordinal);
    }

    [Fact]
    public void A_rejected_pair_is_degraded_since_its_rejection()
    {
        Write(TestPair.Make());
        Start();
        Files.Write(CertPath, "");
        Raise(CertPath);
        AdvancePastDebounce();
        var rejected = Sys.Scheduler.Now;
        AdvancePastHold();

        Assert.Equal((HealthStatus.Degraded, "default: Rejected"), (Check().Status, Assert.Single(Check().Data).Key));
        Assert.Equal(rejected, Issue("default: Rejected").Since);
    }

    [Fact]
    public void An_expiring_and_an_expired_pair_are_degraded()
    {
        var now = Sys.Scheduler.Now;
        Write(new TestLeaf { NotBefore = now.AddDays(-30), NotAfter = now.AddDays(8) }.Make());
        Start();
        Assert.Equal(HealthStatus.Healthy, Check().Status);

        Advance(seconds: 86_400 * 1.5);
        var expiring = Issue("default: Expiring");
        Assert.Equal(now.AddDays(1).ToUnixTimeSeconds(), expiring.Since!.Value.ToUnixTimeSeconds());
        Advance(seconds: 86_400 * 7);
        Assert.Equal(HealthStatus.Degraded, Check().Status);
        Assert.Equal(Current.Facts.NotAfter, Issue("default: Expired").Since);
    }

    [Fact]
    public void An_intermediate_that_ends_before_the_leaf_is_expiring_and_expired()
    {
        var now = Sys.Scheduler.Now;
        var root = new TestAuthority("root", notBefore: now.AddYears(-1), notAfter: now.AddYears(20));
        var intermediate = new TestAuthority("intermediate", root, notBefore: now, notAfter: now.AddDays(3));
        var leaf = new TestLeaf { Issuer = intermediate, NotBefore = now, NotAfter = now.AddDays(60) }.Make();
        Write(leaf with { CertificatePem = leaf.CertificatePem + intermediate.CertificatePem });
        Start();
        Assert.Equal(HealthStatus.Healthy, Check().Status);

        Advance(seconds: 86_400 * 2.1);
        Assert.Contains("the intermediate CN=intermediate expires at", Issue("default: Expiring").Message, StringComparison.Ordinal);
        Advance(seconds: 86_400);
        Assert.Contains("the intermediate CN=intermediate expired at", Issue("default: Expired").Message, StringComparison.Ordinal);
        Assert.Single(Check().Data);
    }

    [Fact]
    public void A_certificate_of_short_life_is_expiring_in_its_last_third()
    {
        var now = Sys.Scheduler.Now;
        Write(new TestLeaf { NotBefore = now, NotAfter = now.AddDays(3) }.Make());
        Start();
        Assert.Equal(HealthStatus.Healthy, Check().Status);

        Advance(seconds: 86_400 * 2.1);
        Assert.Equal("default: Expiring", Assert.Single(Check().Data).Key);
    }

    [Fact]
    public void A_load_that_is_stuck_is_degraded_since_it_was_given_up()
    {
        StartWithHangingLoad();
        AdvancePastLoadTimeLimit();
        var givenUp = Sys.Scheduler.Now;
        Advance(seconds: 3);

        Assert.Equal(givenUp, Issue("default: Stuck").Since);
        Assert.Equal(givenUp, Status().LoadStuckSince);
        ReleaseDisk();
        AdvancePastDebounce();
        Assert.DoesNotContain("default: Stuck", Check().Data.Keys);
        Assert.Null(Status().LoadStuckSince);
    }

    [Fact]
    public void Polling_is_degraded_where_events_are_expected()
    {
        Events.Unavailable = new IOException("no instance left");
        Write(TestPair.Make());
        Start();

        var issue = Issue("default: Polling");
        Assert.Equal(Status().WatchModeSince, issue.Since);
        Assert.Contains("no instance left", issue.Message, StringComparison.Ordinal);

        _options.ExpectEvents = false;
        Assert.Equal(HealthStatus.Healthy, Check().Status);
    }

    [Fact]
    public void A_stale_revocation_list_and_an_expired_authority_are_degraded()
    {
        var authority = new TestAuthority("one", notAfter: Sys.Scheduler.Now.AddDays(3));
        Files.Write(BundlePath, authority.CertificatePem);
        Files.Write(ListPath, new TestRevocationList { Issuer = authority, NextUpdate = Sys.Scheduler.Now.AddDays(1) }.MakePem());
        Write(TestPair.Make());
        Start(new CertificatesOptions
        {
            Certificates = [Options()],
            TrustBundles = [new TrustBundleOptions { CertificatePaths = [BundlePath], RevocationListPaths = [ListPath] }],
        });
        Assert.DoesNotContain("trust: StaleRevocationList", Check().Data.Keys);

        Advance(seconds: 86_400 * 2);
        var served = Holder.GetTrustBundle("trust")!;
        Assert.Equal(served.RevocationLists[0].NextUpdate, Issue("trust: StaleRevocationList").Since);

        Advance(seconds: (served.Authorities[0].NotAfter - Sys.Scheduler.Now).TotalSeconds + 1);
        Assert.Equal(served.Authorities[0].NotAfter, Issue("trust: Expired").Since);
    }

    [Fact]
    public void A_supervisor_that_has_not_started_or_has_stopped_has_the_failure_status()
    {
        Assert.Contains("WithCertificates", CheckRegistered().Description, StringComparison.Ordinal);

        Write(TestPair.Make());
        Start();
        ActorRegistry.For(Sys).Register<CertificateSupervisor>(Supervisor);
        Stop();
        HasOwnThreads = true;
        var stopped = CheckRegistered();
        Assert.Equal(HealthStatus.Unhealthy, stopped.Status);
        Assert.Contains("has stopped", stopped.Description, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Those_who_ask_within_half_a_second_share_a_status()
    {
        Start();
        var (supervisor, status) = (CreateTestProbe(), StatusOfAll());
        ActorRegistry.For(Sys).Register<CertificateSupervisor>(supervisor);
        var check = new CertificateHealthCheck(_options);
        HasOwnThreads = true;
        var together = Task.WhenAll(CheckAsync(), CheckAsync());
        Assert.Equal(1, Asked());
        await together.WaitAsync(Generous);

        Advance(milliseconds: 400);
        await CheckAsync().WaitAsync(Generous);
        Assert.Equal(0, Asked());
        Advance(milliseconds: 100);
        var next = CheckAsync();
        Assert.Equal(1, Asked());
        await next.WaitAsync(Generous);

        Task<HealthCheckResult> CheckAsync() => check.CheckHealthAsync(new AkkaHealthCheckContext(Sys));

        int Asked()
        {
            Barrier();
            var count = 0;
            for (; supervisor.HasMessages; count++)
            {
                supervisor.ExpectMsg<GetStatus>();
                supervisor.Reply(status);
            }

            Barrier();
            return count;
        }
    }

    private CertificateHealthIssue Issue(string key) => (CertificateHealthIssue)Check().Data[key];

    private HealthCheckResult Check(HealthStatus failureStatus = HealthStatus.Unhealthy) =>
        CertificateHealthCheck.ResultOf(CertificateHealth.IssuesOf(StatusOfAll(), Sys.Scheduler.Now, _options), failureStatus);

    private HealthCheckResult CheckRegistered()
    {
        var check = new CertificateHealthCheck(_options).CheckHealthAsync(new AkkaHealthCheckContext(Sys));
        Barrier();
        return check.GetAwaiter().GetResult();
    }
}
