using CertActors.Tests.Support;

namespace CertActors.Tests;

/// <summary>The last events, as the status has them.</summary>
public sealed class RecentEventsSpec : PipelineKit
{
    public RecentEventsSpec()
    {
        Write(TestPair.Make());
        Start();
    }

    [Fact]
    public void The_status_has_what_subscribers_were_sent_the_newest_last()
    {
        Rotate(TestPair.Make());
        AdvancePastDebounce();
        Files.Write(CertPath, "no certificate");
        Raise(CertPath);
        AdvancePastDebounce();
        AdvancePastHold();

        Assert.Equal(News(), StatusOfAll().Recent);
        Assert.IsType<CertificateReloadFailed>(StatusOfAll().Recent[^1]);
    }

    [Fact]
    public void There_are_a_hundred_at_most()
    {
        for (var i = 0; i < 120; i++)
        {
            Rotate(TestPair.Make());
            AdvancePastDebounce();
        }

        var recent = StatusOfAll().Recent;
        Assert.Equal(100, recent.Count);
        Assert.Equal(121, Assert.IsType<CertificateChanged>(recent[^1]).Generation);
    }

    [Fact]
    public void They_survive_a_restart_of_the_supervisor()
    {
        var before = StatusOfAll().Recent;
        Assert.NotEmpty(before);

        Supervisor.Tell(Akka.Actor.Kill.Instance, TestActor);
        Barrier();

        Assert.Equal(before, StatusOfAll().Recent.Take(before.Count));
    }
}
