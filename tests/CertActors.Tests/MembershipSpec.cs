using System.Runtime.CompilerServices;
using Akka.Actor;
using CertActors.Tests.Support;

namespace CertActors.Tests;

/// <summary>Pairs that are added and removed while the supervisor runs.</summary>
public sealed class MembershipSpec : PipelineKit
{
    private const string TenantCert = "/tenants/a/tls.crt";
    private const string TenantKey = "/tenants/a/tls.key";

    private static readonly CertificateOptions Tenant = Options("tenant", TenantCert, TenantKey);

    public MembershipSpec()
    {
        Write(TestPair.Make("default.example"));
    }

    [Fact]
    public void A_pair_that_is_added_is_loaded_watched_and_served_by_its_names()
    {
        Start();
        var first = WriteTenant("tenant.example");
        Assert.Empty(Add(Tenant).Errors);

        Assert.Equal((1, first.Sha256), Served("tenant.example"));
        Assert.Equal(WatchMode.Events, Status("tenant").WatchMode);
        Assert.Equal(["default", "tenant"], StatusOfAll().Certificates.Select(pair => pair.Name));
        Assert.Equal("default", Current.Name);

        var next = WriteTenant("tenant.example");
        Raise(TenantCert);
        AdvancePastDebounce();
        Assert.Equal((2, next.Sha256), Served("tenant.example"));
        Assert.Equal([1, 2], News<CertificateChanged>().Where(change => change.Name == "tenant").Select(change => change.Generation));
    }

    [Fact]
    public void A_pair_that_is_added_is_polled_too()
    {
        Start();
        WriteTenant("tenant.example");
        Add(Tenant);
        AdvancePastDebounce();

        var next = WriteTenant("tenant.example");
        AdvancePastPoll();
        AdvancePastDebounce();
        Assert.Equal((2, next.Sha256), Served("tenant.example"));
    }

    [Fact]
    public void A_pair_that_is_added_while_no_event_source_is_available_is_polled()
    {
        Events.Unavailable = new IOException("no instance left");
        Start();
        WriteTenant("tenant.example");
        Add(Tenant);

        Assert.Equal(WatchMode.Polling, Status("tenant").WatchMode);
        var next = WriteTenant("tenant.example");
        Advance(seconds: 1);
        AdvancePastDebounce();
        Assert.Equal((2, next.Sha256), Served("tenant.example"));
    }

    [Fact]
    public void Invalid_options_and_a_name_that_is_taken_add_nothing_and_every_error_is_in_the_answer()
    {
        Start();

        Assert.Equal(2, Add(Tenant with { Name = "not a name", CertificatePath = "" }).Errors.Count);
        Assert.Contains("'DEFAULT' is taken", Assert.Single(Add(Options("DEFAULT")).Errors), StringComparison.Ordinal);
        Assert.Equal("default", Assert.Single(StatusOfAll().Certificates).Name);
    }

    [Fact]
    public void A_pair_that_is_removed_is_no_longer_served_watched_polled_or_listed()
    {
        Start();
        var before = Events.Directories;
        WriteTenant("tenant.example");
        Add(Tenant);
        Advance(seconds: 1);
        News();

        Assert.True(Remove("tenant").WasKnown);

        Assert.Equal("default", Holder.Select("tenant.example")?.Name);
        Assert.Equal(before, Events.Directories);
        Assert.Equal("default", Assert.Single(StatusOfAll().Certificates).Name);
        Assert.Null(Find("pair-tenant"));
        var removed = Assert.Single(News<CertificateRemoved>());
        Assert.Equal(("tenant", 1, Sys.Scheduler.Now), (removed.Name, removed.Generation, removed.At));

        WriteTenant("tenant.example");
        Pass(seconds: 25, stepMilliseconds: 500);
        Assert.Empty(News());
        Assert.Equal("default", Holder.Select("tenant.example")?.Name);
    }

    [Fact]
    public void The_connections_of_a_removed_pair_drain()
    {
        var state = State(new CertificatesOptions { Certificates = [Options()] });
        Start(CertificateSupervisor.Props(state));
        WriteTenant("tenant.example");
        Add(Tenant);
        var served = Holder.Select("tenant.example")!;
        var connection = served.BeginConnection();
        News();

        Remove("tenant");
        Assert.True(served.Superseded.IsCancellationRequested);
        Assert.Empty(News<GenerationDrained>());

        // Another pair under the same name is no hindrance.
        Add(Tenant);
        connection.Dispose();
        var drained = Assert.Single(News<GenerationDrained>());
        Assert.Equal(("tenant", 1), (drained.Name, drained.Generation));
        Assert.Empty(state.Snapshot.DrainingOf("tenant"));
        Remove("tenant");
        Assert.Equal(1, Assert.Single(News<GenerationDrained>()).Generation);
    }

    [Fact]
    public void A_removed_pair_is_in_the_status_until_its_last_connection_has_closed()
    {
        Start();
        WriteTenant("tenant.example");
        Add(Tenant);
        var first = Holder.Select("tenant.example")!.BeginConnection();
        WriteTenant("tenant.example");
        Raise(TenantCert);
        AdvancePastDebounce();
        var second = Holder.Select("tenant.example")!.BeginConnection();
        var swappedAt = Sys.Scheduler.Now;
        Advance(seconds: 1);

        Remove("tenant");
        var removed = Assert.Single(StatusOfAll().Removed);
        Assert.Equal(("tenant", null), (removed.Name, removed.Served));
        Assert.Equal([(1, 1, swappedAt), (2, 1, Sys.Scheduler.Now)], removed.Connections.Select(open => (open.Generation, open.Open, open.SupersededAt)));

        Supervisor.Tell(Akka.Actor.Kill.Instance);
        Advance(seconds: 1);
        first.Dispose();
        Barrier();
        Assert.Equal(2, Assert.Single(Assert.Single(StatusOfAll().Removed).Connections).Generation);
        second.Dispose();
        Barrier();
        Assert.Empty(StatusOfAll().Removed);
    }

    [Fact]
    public void A_pair_that_nobody_has_is_said_to_be_unknown()
    {
        Start();

        Assert.False(Remove("tenant").WasKnown);
        Assert.Empty(News<CertificateRemoved>());
    }

    [Fact]
    public void A_name_that_two_pairs_have_goes_to_the_other_when_one_is_removed()
    {
        Start();
        WriteTenant("default.example");
        Add(Tenant);
        Assert.Equal("default", Holder.Select("default.example")?.Name);

        Remove("default");
        Assert.Equal("tenant", Holder.Select("default.example")?.Name);
    }

    [Fact]
    public void When_the_default_is_removed_the_next_pair_becomes_the_default()
    {
        Start();
        WriteTenant("tenant.example");
        Add(Tenant);

        Remove("default");
        Assert.Equal("tenant", Current.Name);
        Remove("tenant");
        Assert.Null(Holder.Current);

        Write(TestPair.Make());
        Add(Options());
        Assert.Equal(("default", 1), (Current.Name, Current.Generation));
    }

    [Fact]
    public void A_default_that_a_message_removes_is_served_to_nobody_although_the_next_one_is_not_loaded()
    {
        Start();
        Add(Tenant);

        Remove("default");

        Assert.Null(Holder.Current);
    }

    [Fact]
    public void A_load_under_way_publishes_nothing_once_its_pair_is_removed()
    {
        Start();
        WriteTenant("tenant.example");
        Disk.Hangs = true;
        Add(Tenant);
        Assert.True(Remove("tenant").WasKnown);

        ReleaseDisk();
        Pass(seconds: 2);
        Assert.Equal("default", Holder.Select("tenant.example")?.Name);
        Assert.Equal(2, Events.Directories.Count);
        Assert.DoesNotContain(News<CertificateChanged>(), change => change.Name == "tenant");
    }

    [Fact]
    public void A_pair_can_be_added_again_under_its_name_also_while_it_is_being_removed()
    {
        Start();
        WriteTenant("tenant.example");
        Add(Tenant);
        News();

        Supervisor.Tell(new RemoveCertificate("tenant"), TestActor);
        Supervisor.Tell(new RemoveCertificate("tenant"), TestActor);
        Supervisor.Tell(new AddCertificate(Tenant), TestActor);
        Barrier();

        Assert.True(ExpectMsg<RemoveCertificateResult>().WasKnown);
        Assert.True(ExpectMsg<RemoveCertificateResult>().WasKnown);
        Assert.Empty(ExpectMsg<AddCertificateResult>().Errors);
        AdvancePastDebounce();
        Assert.Equal("tenant", Holder.Select("tenant.example")?.Name);
        Assert.Equal([1], News<CertificateChanged>().Select(change => change.Generation));
    }

    [Fact]
    public void A_removal_cancels_the_addition_that_waits_for_an_earlier_removal()
    {
        Start();
        WriteTenant("tenant.example");
        Add(Tenant);

        Supervisor.Tell(new RemoveCertificate("tenant"), TestActor);
        Supervisor.Tell(new AddCertificate(Tenant), TestActor);
        Supervisor.Tell(new RemoveCertificate("tenant"), TestActor);
        Barrier();

        Assert.Equal("'tenant' was removed again before it was added", Assert.Single(ExpectMsg<AddCertificateResult>().Errors));
        Assert.True(ExpectMsg<RemoveCertificateResult>().WasKnown);
        Assert.True(ExpectMsg<RemoveCertificateResult>().WasKnown);
        Assert.Equal("default", Assert.Single(StatusOfAll().Certificates).Name);
        Assert.Null(Find("pair-tenant"));
    }

    [Fact]
    public void What_waits_for_the_end_of_a_removal_has_its_name_and_files_already()
    {
        Start();
        WriteTenant("tenant.example");
        Add(Tenant);

        Supervisor.Tell(new RemoveCertificate("tenant"), TestActor);
        Supervisor.Tell(new AddCertificate(Tenant), TestActor);
        Supervisor.Tell(new AddCertificate(Tenant), TestActor);
        Supervisor.Tell(new AddCertificate(Tenant with { Name = "other" }), TestActor);
        Barrier();

        Assert.Contains("'tenant' is taken", Assert.Single(ExpectMsg<AddCertificateResult>().Errors), StringComparison.Ordinal);
        Assert.Contains("'tenant' and 'other' have the same files", Assert.Single(ExpectMsg<AddCertificateResult>().Errors), StringComparison.Ordinal);
        Assert.True(ExpectMsg<RemoveCertificateResult>().WasKnown);
        Assert.Empty(ExpectMsg<AddCertificateResult>().Errors);
        Assert.Equal(["default", "tenant"], StatusOfAll().Certificates.Select(pair => pair.Name));
    }

    [Fact]
    public void A_pair_whose_actor_waits_to_be_started_again_is_removed_at_once()
    {
        Start();
        WriteTenant("tenant.example");
        Add(Tenant);
        Kill(Child("pair-tenant"));

        Assert.True(Remove("tenant").WasKnown);
        Advance(seconds: 1);
        Assert.Null(Find("pair-tenant"));
    }

    [Fact]
    public void A_request_to_reload_that_waits_for_a_removed_pair_is_answered()
    {
        Start();
        WriteTenant("tenant.example");
        Add(Tenant);
        Disk.Hangs = true;
        Supervisor.Tell(new ReloadNow("tenant"), TestActor);
        Barrier();

        Supervisor.Tell(new RemoveCertificate("tenant"), TestActor);
        Barrier();
        Assert.Equal(ReloadOutcomeKind.UnknownName, Assert.Single(ExpectMsg<ReloadNowResult>().Outcomes).Kind);
        Assert.True(ExpectMsg<RemoveCertificateResult>().WasKnown);
    }

    [Fact]
    public void A_restart_of_the_supervisor_and_of_each_child_keeps_what_was_added_and_not_what_was_removed()
    {
        Start();
        WriteTenant("tenant.example");
        Add(Tenant);
        Add(Options("gone", "/gone/tls.crt", "/gone/tls.key"));
        Remove("gone");

        foreach (var child in (string[])["file-watch", "debounce", "pair-tenant"])
        {
            Kill(Child(child));
            AdvancePastFirstRestart();
        }

        Supervisor.Tell(Akka.Actor.Kill.Instance);
        Barrier();
        Advance(seconds: 1);
        News();

        Assert.Equal(["default", "tenant"], StatusOfAll().Certificates.Select(pair => pair.Name));
        var next = WriteTenant("tenant.example");
        Raise(TenantCert);
        AdvancePastDebounce();
        Assert.Equal((2, next.Sha256), Served("tenant.example"));
    }

    [Fact]
    public void A_thousand_additions_and_removals_leave_nothing_behind()
    {
        Start();
        var directories = Events.Directories.Count;
        var messages = PassMinute();
        var pair = WriteTenant("tenant.example");

        var traces = Enumerable.Range(0, 1000).Select(i => AddAndRemove($"tenant-{i}", pair)).ToArray();
        Advance(seconds: 1);

        GC.Collect();
        GC.WaitForPendingFinalizers();
        GC.Collect();
        Assert.Equal(directories, Events.Directories.Count);
        Assert.Equal("default", Assert.Single(StatusOfAll().Certificates).Name);

        // A timer of each of a thousand would send a thousand. The minute may begin at another point between two polls.
        Assert.InRange(PassMinute(), messages / 2, messages * 2);

        // The last may still be referenced from a register or a recycled message.
        Assert.InRange(traces.Count(trace => trace.Options.IsAlive || trace.Served.IsAlive), 0, 5);
    }

    // Not inlined, so that no local of the test keeps the objects alive.
    [MethodImpl(MethodImplOptions.NoInlining)]
    private (WeakReference Options, WeakReference Served) AddAndRemove(string name, TestPair pair)
    {
        var options = Options(name, TenantCert, TenantKey);
        Add(options);
        var served = Holder.Select("tenant.example")!;
        Assert.Equal((name, pair.Sha256), (served.Name, served.Facts.Sha256));
        Remove(name);
        News();
        return (new WeakReference(options), new WeakReference(served));
    }

    private TestPair WriteTenant(string dnsName) => Write(TestPair.Make(dnsName), TenantCert, TenantKey);

    private (long Generation, string Sha256) Served(string serverName) =>
        Holder.Select(serverName) is { } served ? (served.Generation, served.Facts.Sha256) : default;

    private AddCertificateResult Add(CertificateOptions options) => Ask<AddCertificateResult>(new AddCertificate(options));

    private RemoveCertificateResult Remove(string name) => Ask<RemoveCertificateResult>(new RemoveCertificate(name));

    private T Ask<T>(object message)
    {
        Supervisor.Tell(message, TestActor);
        Barrier();
        return ExpectMsg<T>();
    }
}
