using CertActors.Tests.Support;

namespace CertActors.Tests;

/// <summary>On file systems whose stat(2) is unreliable, or that exceed the time limit of a load, a new pair is served nevertheless.</summary>
public sealed class UnreliableDiskSpec : PipelineKit
{
    [Fact]
    public void Where_stamps_vary_at_each_call_contents_that_were_read_twice_are_served()
    {
        Files.StampsVary = true;
        var first = Write(TestPair.Make());
        Start();
        Assert.Equal((1, first.Sha256), (Current.Generation, Current.Facts.Sha256));

        var second = Rotate(TestPair.Make());
        AdvancePastDebounce();
        Pass(seconds: 60, stepMilliseconds: 500);

        Assert.Equal((2, second.Sha256), (Current.Generation, Current.Facts.Sha256));
        Assert.Empty(News<CertificateReloadFailed>());
    }

    [Fact]
    public void Where_stamps_vary_a_mixture_of_two_pairs_is_never_judged()
    {
        Files.StampsVary = true;
        Write(TestPair.Make());
        Start();
        News();

        // Another process replaces both files after the certificate was read, each of the first three times.
        var (writes, last) = (0, "");
        Files.AfterRead = path =>
        {
            if (path == CertPath && writes++ < 3)
                last = Write(TestPair.Make()).Sha256;
        };
        Raise(CertPath);
        AdvancePastDebounce();
        Assert.Equal(1, Current.Generation);

        Pass(seconds: 10);
        Assert.Equal((2, last), (Current.Generation, Current.Facts.Sha256));
        Assert.Empty(News<CertificateReloadFailed>());
    }

    [Fact]
    public void Where_stamps_vary_a_file_that_is_bad_or_missing_is_reported_once()
    {
        Files.StampsVary = true;
        Write(TestPair.Make());
        Start();
        News();

        Files.Write(KeyPath, "garbage");
        Raise(KeyPath);
        Pass(seconds: 60, stepMilliseconds: 250);
        Assert.Equal(RejectionReason.KeyMalformed, Assert.Single(News<CertificateReloadFailed>()).Reason);

        Files.Delete(KeyPath);
        Raise(KeyPath);
        Pass(seconds: 60, stepMilliseconds: 250);
        Assert.Equal(RejectionReason.FileMissing, Assert.Single(News<CertificateReloadFailed>()).Reason);
    }

    [Fact]
    public void A_load_that_ends_after_it_was_given_up_is_judged_and_taken()
    {
        Write(TestPair.Make());
        Start();
        News();
        Disk.Hangs = true;
        var next = Rotate(TestPair.Make());
        AdvancePastDebounce();
        AdvancePastLoadTimeLimit();
        Assert.Equal(RejectionReason.TimedOut, Assert.Single(News<CertificateReloadFailed>()).Reason);
        Assert.True(Status().LoadStuck);

        Advance(seconds: 2);
        Disk.RunWaiting();
        Barrier();

        Assert.Equal((2, next.Sha256), (Current.Generation, Current.Facts.Sha256));
        Assert.Null(Status().LastFailure);
        Assert.False(Status().LoadStuck);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void Where_every_call_takes_7_s_the_new_pair_is_served_and_the_delay_is_reported_once(bool stampsVary)
    {
        Files.StampsVary = stampsVary;
        Write(TestPair.Make());
        Start();
        News();
        Disk.Hangs = true;
        for (var generation = 2; generation < 5; generation++)
        {
            var next = Rotate(TestPair.Make());
            for (var calls = 0; calls < 10; calls++)
            {
                Pass(seconds: 7, stepMilliseconds: 1000);
                Disk.RunWaiting();
                Barrier();
            }

            Assert.Equal((generation, next.Sha256), (Current.Generation, Current.Facts.Sha256));
        }

        Assert.Equal(RejectionReason.TimedOut, Assert.Single(News<CertificateReloadFailed>()).Reason);
        Assert.InRange(Logged().Count(entry => entry.Contains("contain again what is served", StringComparison.Ordinal)), 0, 1);
        Assert.Null(Status().LastFailure);
    }

    [Fact]
    public void A_change_while_a_load_is_given_up_is_loaded_after_it()
    {
        StartWithHangingLoad();
        Advance(seconds: 6);
        var last = Rotate(TestPair.Make());
        AdvancePastDebounce();

        ReleaseDisk();
        AdvancePastDebounce();
        Assert.Equal(last.Sha256, Current.Facts.Sha256);
    }

    [Fact]
    public void Every_request_is_answered_when_a_load_is_given_up_and_while_it_is()
    {
        Write(TestPair.Make());
        Start();
        Disk.Hangs = true;
        var askers = Enumerable.Range(0, 3).Select(_ => CreateTestProbe()).ToArray();
        Supervisor.Tell(new ReloadNow(), askers[0]);
        Supervisor.Tell(new ReloadNow(), askers[1]);
        Barrier();
        AdvancePastLoadTimeLimit();
        Supervisor.Tell(new ReloadNow(), askers[2]);
        Barrier();

        foreach (var asker in askers)
            Assert.Equal(RejectionReason.TimedOut, Assert.Single(asker.ExpectMsg<ReloadNowResult>().Outcomes).Failure?.Reason);
        Disk.Release();
    }

    [Fact]
    public void A_late_load_is_judged_by_the_time_at_which_it_ends()
    {
        Write(new TestLeaf { NotAfter = Sys.Scheduler.Now.AddDays(30) }.Make());
        Start();
        Disk.Hangs = true;
        Rotate(new TestLeaf { NotAfter = Sys.Scheduler.Now.AddDays(1) }.Make());
        AdvancePastDebounce();
        Advance(seconds: TimeSpan.FromDays(2).TotalSeconds);

        ReleaseDisk();
        Assert.Equal(1, Current.Generation);
        Assert.Equal(RejectionReason.Expired, Status().LastFailure?.Reason);
    }
}
