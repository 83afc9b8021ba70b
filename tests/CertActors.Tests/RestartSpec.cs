using System.Runtime.CompilerServices;
using Akka.Actor;
using CertActors.Tests.Support;

namespace CertActors.Tests;

/// <summary>What faults leave standing, and how what they felled comes back.</summary>
public sealed class RestartSpec : PipelineKit
{
    [Theory]
    [InlineData("file-watch")]
    [InlineData("debounce")]
    [InlineData("pair-default")]
    public void A_child_that_dies_comes_back_and_what_changed_meanwhile_is_served(string child)
    {
        Write(TestPair.Make());
        Start();
        var served = Current;

        Kill(Child(child));
        Assert.Same(served, Holder.Current);
        Rotate(TestPair.Make());
        Advance(milliseconds: 249);
        Assert.Null(Find(child));

        Advance(milliseconds: 1);
        AdvancePastDebounce();
        Assert.Equal(2, Current.Generation);

        Rotate(TestPair.Make());
        AdvancePastDebounce();
        Assert.Equal(3, Current.Generation);
        Assert.Equal(1, Events.OpenNow);
    }

    [Fact]
    public void A_child_that_always_throws_is_restarted_once_a_back_off_step()
    {
        Write(TestPair.Make());
        Start();
        var served = Current;
        Files.AfterRead = _ => throw new InvalidOperationException("a fault");
        Write(TestPair.Make());
        var reads = Files.Reads;
        Raise(CertPath);
        AdvancePastDebounce();
        Assert.Equal(1, Files.Reads - reads);

        foreach (var wait in (double[])[0.25, 0.5, 1, 2, 4, 8, 16, 30, 30, 30])
        {
            reads = Files.Reads;
            Advance(seconds: wait - 0.001);
            Assert.Equal(reads, Files.Reads);
            Advance(milliseconds: 1);
            Assert.Equal(1, Files.Reads - reads);
        }

        Assert.Same(served, Holder.Current);
        Files.AfterRead = null;
        Advance(seconds: 30);
        Assert.Equal(2, Current.Generation);
    }

    [Fact]
    public void A_minute_of_health_forgets_the_faults()
    {
        Write(TestPair.Make());
        Start();
        for (var faults = 0; faults < 3; faults++)
        {
            Kill(Child("debounce"));
            AdvancePastFirstRestart();
            Child("debounce");
            Advance(seconds: 60);
        }

        Kill(Child("debounce"));
        AdvancePastFirstRestart();
        Kill(Child("debounce"));
        Advance(milliseconds: 250);
        Assert.Null(Find("debounce"));
        Advance(milliseconds: 250);
        Child("debounce");
    }

    [Fact]
    public void A_restarted_supervisor_keeps_the_holder_its_subscribers_and_the_generations()
    {
        Write(TestPair.Make());
        Start();
        var served = Current;
        News();

        RestartSupervisor();
        Assert.Same(served, Holder.Current);
        Assert.Empty(News<CertificateChanged>());

        Rotate(TestPair.Make());
        AdvancePastDebounce();
        Assert.Equal(2, Assert.Single(News<CertificateChanged>()).Generation);
        Assert.Equal(2, Current.Generation);
    }

    [Fact]
    public void A_change_during_the_restart_is_found_by_the_first_load_after_it()
    {
        Write(TestPair.Make());
        Start();
        News();
        Write(TestPair.Make());

        RestartSupervisor();

        var change = Assert.Single(News<CertificateChanged>());
        Assert.Equal((2, ReloadReason.Start), (change.Generation, change.Reason));
    }

    [Fact]
    public void A_load_of_a_dead_incarnation_is_dropped_and_the_next_waits_for_its_thread()
    {
        StartWithHangingLoad();
        var hanging = Disk.Waiting;

        Kill(Child("pair-default"));
        AdvancePastFirstRestart();
        Assert.Equal(hanging, Disk.Waiting);
        Assert.Equal(1, Current.Generation);

        ReleaseDisk();
        AdvancePastDebounce();
        Assert.Equal(2, Current.Generation);
    }

    [Fact]
    public void A_load_that_hangs_across_a_restart_is_told_after_its_time_limit()
    {
        StartWithHangingLoad();
        Kill(Child("pair-default"));
        var asker = CreateTestProbe();
        Supervisor.Tell(new ReloadNow(), asker);
        News();
        AdvancePastFirstRestart();
        AdvancePastLoadTimeLimit();

        Assert.Equal(RejectionReason.TimedOut, Assert.Single(News<CertificateReloadFailed>()).Reason);
        Assert.Equal(RejectionReason.TimedOut, Assert.Single(asker.ExpectMsg<ReloadNowResult>().Outcomes).Failure?.Reason);
        Assert.True(Status().LoadStuck);

        ReleaseDisk();
        AdvancePastDebounce();
        Assert.Equal((2, false), (Current.Generation, Status().LoadStuck));
    }

    [Fact]
    public void A_load_that_hangs_across_a_restart_is_given_up_although_an_earlier_one_was_and_failed()
    {
        StartWithHangingLoad();
        AdvancePastLoadTimeLimit();
        Assert.True(Status().LoadStuck);

        // The load ends in a fault, which leaves its rejection in place and restarts the actor; the next load hangs, too.
        Files.AfterRead = _ => throw new InvalidOperationException("a fault");
        ReleaseDisk();
        Files.AfterRead = null;
        Disk.Hangs = true;
        AdvancePastFirstRestart();
        Assert.False(Status().LoadStuck);
        Kill(Child("pair-default"));
        Advance(milliseconds: 500);
        var asker = CreateTestProbe();
        Supervisor.Tell(new ReloadNow(), asker);
        Barrier();
        Assert.False(asker.HasMessages);
        AdvancePastLoadTimeLimit();

        Assert.True(Status().LoadStuck);
        Assert.Equal(RejectionReason.TimedOut, Assert.Single(asker.ExpectMsg<ReloadNowResult>().Outcomes).Failure?.Reason);
    }

    [Fact]
    public void A_load_that_is_stuck_is_still_known_to_be_after_a_restart_of_the_supervisor()
    {
        StartWithHangingLoad();
        AdvancePastLoadTimeLimit();
        Assert.True(Status().LoadStuck);

        RestartSupervisor();
        Assert.True(Status().LoadStuck);

        ReleaseDisk();
        AdvancePastDebounce();
        Assert.Equal((2, false), (Current.Generation, Status().LoadStuck));
    }

    [Fact]
    public void Since_when_a_load_is_stuck_is_known_after_a_restart_of_the_supervisor()
    {
        StartWithHangingLoad();
        AdvancePastLoadTimeLimit();
        var since = Status().LoadStuckSince;
        Assert.NotNull(since);
        Advance(seconds: 30);

        RestartSupervisor();

        Assert.Equal(since, Status().LoadStuckSince);
    }

    [Fact]
    public void A_stuck_load_of_paths_that_an_update_has_replaced_is_forgotten_by_a_restart_of_the_supervisor_too()
    {
        StartWithHangingLoad();
        AdvancePastLoadTimeLimit();
        Write(TestPair.Make(), "/new/tls.crt", "/new/tls.key");
        Disk.Hangs = false;

        Supervisor.Tell(new UpdateCertificates(new CertificatesOptions { Certificates = [Options("default", "/new/tls.crt", "/new/tls.key")] }), TestActor);
        RestartSupervisor();

        Assert.False(Status().LoadStuck);
    }

    [Fact]
    public void A_request_survives_the_death_of_the_actor_that_it_waits_for()
    {
        Write(TestPair.Make());
        Start();
        Disk.Hangs = true;
        var asker = CreateTestProbe();
        Supervisor.Tell(new ReloadNow(), asker);
        Barrier();
        Kill(Child("pair-default"));
        Disk.Release();
        AdvancePastFirstRestart();

        Assert.Equal(ReloadOutcomeKind.Unchanged, Assert.Single(asker.ExpectMsg<ReloadNowResult>().Outcomes).Kind);
    }

    [Fact]
    public void A_request_survives_a_restart_of_the_supervisor_and_no_later_one_gets_its_answer()
    {
        Write(TestPair.Make());
        Start();
        Disk.Hangs = true;
        var (asker, next) = (CreateTestProbe(), CreateTestProbe());
        Supervisor.Tell(new ReloadNow(), asker);
        Barrier();
        RestartSupervisor();
        Supervisor.Tell(new ReloadNow(), next);
        Barrier();
        Assert.False(asker.HasMessages || next.HasMessages);

        ReleaseDisk();
        Assert.Equal(ReloadOutcomeKind.Unchanged, Assert.Single(asker.ExpectMsg<ReloadNowResult>().Outcomes).Kind);
        Assert.Equal(ReloadOutcomeKind.Unchanged, Assert.Single(next.ExpectMsg<ReloadNowResult>().Outcomes).Kind);
        Assert.False(asker.HasMessages || next.HasMessages);
    }

    private void RestartSupervisor()
    {
        Supervisor.Tell(Akka.Actor.Kill.Instance);
        Barrier();
    }

    [Fact]
    public void What_another_supervisor_has_swapped_in_meanwhile_is_not_taken_for_ones_own()
    {
        var one = Write(TestPair.Make());
        var other = Write(TestPair.Make(), "/other/tls.crt", "/other/tls.key");
        var props = CertificateSupervisor.Props(State(new CertificatesOptions { Certificates = [Options()] }));
        Start(props);
        Stop();
        Start(Options("default", "/other/tls.crt", "/other/tls.key"));
        Assert.Equal(other.Sha256, Current.Facts.Sha256);
        Stop();

        Start(props);
        Assert.Equal((3, one.Sha256), (Current.Generation, Current.Facts.Sha256));
    }

    [Fact]
    public void What_only_an_earlier_supervisor_had_is_removed_once_the_next_has_started()
    {
        Write(TestPair.Make("a.example"));
        Write(TestPair.Make("b.example"), "/other/tls.crt", "/other/tls.key");
        Files.Write("/trust/ca.pem", new TestAuthority("one").CertificatePem);
        var other = Options("other", "/other/tls.crt", "/other/tls.key");
        Start(new CertificatesOptions { Certificates = [Options(), other], TrustBundles = [new TrustBundleOptions { Name = "clients", CertificatePaths = ["/trust/ca.pem"] }] });
        var (left, bundle) = (Holder.Get("other")!, Holder.GetTrustBundle("clients")!);
        var connection = left.BeginConnection();
        Stop();
        Assert.Same(left, Holder.Select("b.example"));
        Assert.False(left.Superseded.IsCancellationRequested);

        Start();
        Assert.True(left.Superseded.IsCancellationRequested);
        Assert.True(bundle.Supersession.Token.IsCancellationRequested);
        Assert.Equal("default", Holder.Select("b.example")?.Name);
        connection.Dispose();
        var drained = Assert.Single(News<GenerationDrained>());
        Assert.Equal(("other", 1), (drained.Name, drained.Generation));
        Assert.Contains(StatusOfAll().Recent, announced => announced is CertificateRemoved { Name: "other", Generation: 1 });
        Assert.Contains(StatusOfAll().Recent, announced => announced is TrustBundleRemoved { Name: "clients", Generation: 1 });
    }

    [Fact]
    public void A_trust_bundle_may_have_the_name_of_a_pair_of_an_earlier_supervisor_and_a_pair_that_of_a_bundle()
    {
        Write(TestPair.Make("a.example"));
        Write(TestPair.Make("b.example"), "/other/tls.crt", "/other/tls.key");
        Files.Write("/trust/ca.pem", new TestAuthority("one").CertificatePem);
        CertificatesOptions pairs = new() { Certificates = [Options(), Options("other", "/other/tls.crt", "/other/tls.key")] };
        CertificatesOptions bundles = new() { Certificates = [Options()], TrustBundles = [new TrustBundleOptions { Name = "other", CertificatePaths = ["/trust/ca.pem"] }] };
        Start(pairs);
        Stop();

        Start(bundles);
        Assert.Null(Holder.Get("other"));
        Assert.Equal(1, Holder.GetTrustBundle("other")?.Generation);
        Assert.Equal(1, Assert.Single(StatusOfAll().TrustBundles).LastChange?.Generation);
        Stop();

        Start(pairs);
        Assert.Null(Holder.GetTrustBundle("other"));
        Assert.Equal((1, 1), (Holder.Get("other")?.Generation, Status("other").LastChange?.Generation));
    }

    [Fact]
    public void The_default_of_an_earlier_supervisor_goes_on_until_that_of_the_next_is_loaded()
    {
        Write(TestPair.Make("a.example"));
        Start();
        var last = Current;
        Stop();

        Start(Options("next", "/next/tls.crt", "/next/tls.key"));
        Pass(seconds: 6);
        Assert.Same(last, Current);
        Assert.False(last.Superseded.IsCancellationRequested);

        Write(TestPair.Make("a.example"), "/next/tls.crt", "/next/tls.key");
        Pass(seconds: 31, stepMilliseconds: 500);
        Assert.Equal("next", Current.Name);
        Assert.True(last.Superseded.IsCancellationRequested);
    }

    [Fact]
    public void A_request_is_answered_while_a_load_from_before_another_supervisor_is_stuck()
    {
        Write(TestPair.Make());
        Write(TestPair.Make(), "/other/tls.crt", "/other/tls.key");
        var props = CertificateSupervisor.Props(State(new CertificatesOptions { Certificates = [Options()] }));
        Start(props);
        HangNextLoad();
        AdvancePastLoadTimeLimit();
        Stop();

        // The stuck load goes on; those that start now do not hang.
        Disk.Hangs = false;
        Start(Options("default", "/other/tls.crt", "/other/tls.key"));
        Assert.Null(Status().LastFailure);
        Stop();

        Start(props);
        var asker = CreateTestProbe();
        Supervisor.Tell(new ReloadNow(), asker);
        Barrier();
        AdvancePastLoadTimeLimit();
        Assert.Equal(RejectionReason.TimedOut, Assert.Single(asker.ExpectMsg<ReloadNowResult>().Outcomes).Failure?.Reason);
    }

    [Fact]
    public void A_request_after_a_crash_is_answered_by_a_load_and_not_by_what_failed_before()
    {
        Write(TestPair.Make());
        Start();
        Files.Write(KeyPath, "garbage");
        Raise(KeyPath);
        Pass(seconds: 10);
        Disk.Hangs = true;
        Write(TestPair.Make());
        Raise(CertPath);
        Raise(KeyPath);
        AdvancePastDebounce();
        Kill(Child("pair-default"));
        AdvancePastFirstRestart();
        var asker = CreateTestProbe();
        Supervisor.Tell(new ReloadNow(), asker);
        Barrier();
        Assert.False(Status().LoadStuck);
        Assert.False(asker.HasMessages);

        ReleaseDisk();
        Assert.Equal(ReloadOutcomeKind.Changed, Assert.Single(asker.ExpectMsg<ReloadNowResult>().Outcomes).Kind);
    }

    [Fact]
    public void A_superseded_generation_is_referenced_by_no_actor()
    {
        Write(TestPair.Make());
        Start();
        var first = ReferenceToServed();
        Rotate(TestPair.Make());
        AdvancePastDebounce();
        Assert.Equal(2, Current.Generation);

        // Timers that were cancelled are let go when their time is over.
        Advance(seconds: 10);
        for (var i = 0; i < 5 && first.IsAlive; i++)
        {
            GC.Collect();
            GC.WaitForPendingFinalizers();
        }

        Assert.False(first.IsAlive);
    }

    // Not inlined, so that no local holds it.
    [MethodImpl(MethodImplOptions.NoInlining)]
    private WeakReference ReferenceToServed() => new(Current.Pair);
}
