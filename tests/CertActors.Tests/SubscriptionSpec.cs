using Akka.Actor;
using CertActors.Tests.Support;

namespace CertActors.Tests;

/// <summary>Who is told what, and what the supervisor answers.</summary>
public sealed class SubscriptionSpec : PipelineKit
{
    [Fact]
    public void A_late_subscriber_is_told_the_present_state_first()
    {
        Write(TestPair.Make());
        Start();
        Rotate(TestPair.Make());
        AdvancePastDebounce();
        Files.Write(CertPath, "garbage");
        Raise(CertPath);
        AdvancePastDebounce();

        var late = CreateTestProbe();
        Supervisor.Tell(new SubscribeToCertificates(late));
        Barrier();

        Assert.Equal(WatchMode.Events, late.ExpectMsg<WatchModeChanged>().Mode);
        Assert.Equal(2, late.ExpectMsg<CertificateChanged>().Generation);
        Assert.Equal(RejectionReason.CertificateMalformed, late.ExpectMsg<CertificateReloadFailed>().Reason);
        Rotate(TestPair.Make());
        AdvancePastDebounce();
        Assert.Equal(3, late.ExpectMsg<CertificateChanged>().Generation);
    }

    [Fact]
    public void A_second_subscription_tells_nothing_twice()
    {
        Write(TestPair.Make());
        Start();
        Supervisor.Tell(new SubscribeToCertificates(Subscriber));
        Barrier();
        News();

        Rotate(TestPair.Make());
        AdvancePastDebounce();

        Assert.Single(News());
    }

    [Fact]
    public void A_subscriber_that_has_unsubscribed_is_told_no_more()
    {
        Write(TestPair.Make());
        Start();
        News();
        Supervisor.Tell(new UnsubscribeFromCertificates(Subscriber));
        Supervisor.Tell(new UnsubscribeFromCertificates(CreateTestProbe()));

        Rotate(TestPair.Make());
        AdvancePastDebounce();

        Assert.Equal(2, Current.Generation);
        Assert.Empty(News());
    }

    [Fact]
    public void A_subscriber_that_dies_is_forgotten()
    {
        Write(TestPair.Make());
        var state = State(new CertificatesOptions { Certificates = [Options()] });
        Start(CertificateSupervisor.Props(state));
        var mortal = CreateTestProbe();
        Supervisor.Tell(new SubscribeToCertificates(mortal));
        Barrier();
        Assert.Equal(2, state.Subscribers.Count);

        Kill(mortal);

        Assert.Equal(Subscriber.Ref, Assert.Single(state.Subscribers));
    }

    [Fact]
    public void News_are_on_the_event_stream_too()
    {
        Sys.EventStream.Subscribe(TestActor, typeof(CertificateChanged));
        Write(TestPair.Make());
        Start();

        Assert.Equal(1, ExpectMsg<CertificateChanged>().Generation);
    }

    [Fact]
    public void A_reload_that_is_asked_for_does_not_wait_for_the_window_and_is_answered_when_judged()
    {
        Write(TestPair.Make());
        Start();

        Assert.Equal((ReloadOutcomeKind.Unchanged, 1L), Reload());
        Write(TestPair.Make());
        Assert.Equal((ReloadOutcomeKind.Changed, 2L), Reload());
        Files.Write(KeyPath, "garbage");
        Assert.Equal((ReloadOutcomeKind.Failed, 2L), Reload());

        (ReloadOutcomeKind, long) Reload()
        {
            Supervisor.Tell(new ReloadNow("default"), TestActor);
            Barrier();
            var outcome = Assert.Single(ExpectMsg<ReloadNowResult>().Outcomes);
            return (outcome.Kind, outcome.Generation);
        }
    }

    [Fact]
    public void A_reload_of_all_answers_for_each_and_an_unknown_name_is_said_to_be_unknown()
    {
        Write(TestPair.Make());
        Start(Options(), Options("other", "/other/tls.crt", "/other/tls.key"));

        Supervisor.Tell(new ReloadNow(), TestActor);
        Barrier();
        var outcomes = ExpectMsg<ReloadNowResult>().Outcomes.ToDictionary(outcome => outcome.Name);
        Assert.Equal(ReloadOutcomeKind.Unchanged, outcomes["default"].Kind);
        Assert.Equal(RejectionReason.FileMissing, outcomes["other"].Failure?.Reason);

        Supervisor.Tell(new ReloadNow("nobody"), TestActor);
        Barrier();
        Assert.Equal(ReloadOutcomeKind.UnknownName, Assert.Single(ExpectMsg<ReloadNowResult>().Outcomes).Kind);
    }

    [Fact]
    public void A_request_that_comes_while_a_load_runs_is_answered_by_the_next_one()
    {
        Write(TestPair.Make());
        Start();
        Disk.Hangs = true;
        Supervisor.Tell(new ReloadNow(), CreateTestProbe());
        Barrier();
        Supervisor.Tell(new ReloadNow(), TestActor);
        Barrier();
        var reads = Files.Reads;

        ReleaseDisk();

        ExpectMsg<ReloadNowResult>();
        Assert.Equal(2 * 2, Files.Reads - reads);
    }

    [Fact]
    public void The_status_tells_of_every_pair_in_its_order()
    {
        Write(TestPair.Make());
        Start(Options("other", "/other/tls.crt", "/other/tls.key"), Options());

        var status = StatusOfAll().Certificates;

        Assert.Equal(["other", "default"], status.Select(pair => pair.Name));
        Assert.Null(status[0].LastChange);
        Assert.Equal(RejectionReason.FileMissing, status[0].LastFailure?.Reason);
        Assert.Equal(1, status[1].LastChange?.Generation);
        Assert.Equal(WatchMode.Events, status[1].WatchMode);
    }
}
