using Akka.Actor;
using CertActors.Disk;
using CertActors.Tests.Support;
using CertActors.Watching.Sources;

namespace CertActors.Tests;

/// <summary>What is rejected, how it is reported, and when the load is tried again.</summary>
public sealed class RejectionSpec : PipelineKit
{
    [Fact]
    public void Garbage_is_rejected_and_the_good_pair_after_it_is_served()
    {
        var good = Write(TestPair.Make());
        Start();
        News();

        Files.Write(CertPath, "garbage");
        Raise(CertPath);
        AdvancePastDebounce();
        var failure = Assert.Single(News<CertificateReloadFailed>());
        Assert.Equal((RejectionReason.CertificateMalformed, good.Sha256), (failure.Reason, failure.StillServed?.Sha256));
        Assert.Contains(CertPath, failure.Message, StringComparison.Ordinal);
        Assert.Equal(failure, Status().LastFailure);

        Rotate(TestPair.Make());
        AdvancePastDebounce();
        Assert.Equal(2, Current.Generation);
        Assert.Null(Status().LastFailure);
    }

    [Fact]
    public void A_rejection_is_reported_and_logged_once_however_often_the_load_is_tried_again()
    {
        Write(TestPair.Make());
        Files.Write(CertPath, "garbage");
        Start();
        Pass(seconds: 60, stepMilliseconds: 250);
        Assert.InRange(Status().Loads.Rejected, 8, 20);

        Assert.Single(News<CertificateReloadFailed>());
        Assert.Single(Logged(), entry => entry.Contains("rejected", StringComparison.Ordinal));

        Files.Write(CertPath, "other garbage");
        Raise(CertPath);
        AdvancePastDebounce();
        Assert.Single(News<CertificateReloadFailed>());
    }

    [Fact]
    public void Bad_states_that_alternate_are_reported_once_each_and_the_status_has_the_last()
    {
        Write(TestPair.Make());
        Start();
        News();
        for (var i = 0; i < 100; i++)
        {
            Files.Write(CertPath, i % 2 == 0 ? "garbage" : "other garbage");
            Files.Write(KeyPath, i % 3 == 0 ? "garbage" : "other garbage");
            Raise(CertPath);
            Advance(milliseconds: 300);
        }

        Assert.Equal(4, News<CertificateReloadFailed>().Count);
        Assert.Equal(4, Logged().Count(entry => entry.Contains("rejected", StringComparison.Ordinal)));
        Files.Delete(CertPath);
        Raise(CertPath);
        AdvancePastDebounce();
        Files.Write(CertPath, "garbage");
        Raise(CertPath);
        AdvancePastDebounce();
        Assert.Equal(RejectionReason.FileMissing, Assert.Single(News<CertificateReloadFailed>()).Reason);
        Assert.Equal(RejectionReason.CertificateMalformed, Status().LastFailure!.Reason);

        // After a good pair, a bad one is news again.
        Rotate(TestPair.Make());
        AdvancePastDebounce();
        News();
        Files.Write(CertPath, "garbage");
        Raise(CertPath);
        AdvancePastDebounce();
        Assert.Single(News<CertificateReloadFailed>());
    }

    [Fact]
    public void Endless_new_bad_states_are_reported_once_a_minute_after_the_first_few()
    {
        Write(TestPair.Make());
        Start();
        News();
        for (var i = 0; i < 1000; i++)
        {
            Files.Write(CertPath, $"garbage {i}");
            Raise(CertPath);
            Advance(milliseconds: 300);
        }

        Assert.InRange(News<CertificateReloadFailed>().Count, 8, 8 + 5);
        Assert.InRange(Status().Loads.Rejected, 1000, 2000);
    }

    [Fact]
    public void It_is_tried_again_after_250_ms_doubling_to_30_s()
    {
        // No poll is due meanwhile: it would touch the pair, and each load restarts the delay.
        var day = TimeSpan.FromDays(1);
        Write(TestPair.Make());
        Start(Options() with { PollIntervalWithEvents = day, PollIntervalWithoutEvents = day });
        Files.Write(CertPath, "garbage");
        Raise(CertPath);
        AdvancePastDebounce();

        foreach (var wait in (double[])[0.25, 0.5, 1, 2, 4, 8, 16, 30, 30])
        {
            var reads = Files.Reads;
            Advance(seconds: wait - 0.001);
            Assert.Equal(reads, Files.Reads);
            Advance(milliseconds: 1);
            Assert.NotEqual(reads, Files.Reads);
        }

        Rotate(TestPair.Make());
        AdvancePastDebounce();
        Assert.Equal(2, Current.Generation);

        // A good load forgets the wait.
        Files.Write(CertPath, "garbage");
        Raise(CertPath);
        AdvancePastDebounce();
        Write(TestPair.Make());
        AdvancePastFirstRetry();
        Assert.Equal((3, ReloadReason.Retry), (Current.Generation, News<CertificateChanged>()[^1].Reason));
    }

    [Fact]
    public void A_poll_tries_a_rejected_pair_again_though_the_files_look_the_same()
    {
        Write(TestPair.Make());
        Start();
        Files.Fail(KeyPath, new UnauthorizedAccessException());
        Raise(KeyPath, FileEventKind.Attributes);
        AdvancePastDebounce();
        Assert.Equal(RejectionReason.FileUnreadable, Status().LastFailure?.Reason);

        Files.Fail(KeyPath, null);
        AdvancePastPoll();
        AdvancePastDebounce();
        Assert.Null(Status().LastFailure);
    }

    [Fact]
    public void Where_no_descriptor_is_left_the_message_says_that_remedy_and_does_not_blame_the_file()
    {
        var good = Write(TestPair.Make());
        Start();
        Files.Fail(KeyPath, new OutOfDescriptorsException("no descriptor is left: raise the limit"));
        Raise(KeyPath);
        AdvancePastDebounce();

        var failure = Status().LastFailure!;
        Assert.Equal(RejectionReason.FileUnreadable, failure.Reason);
        Assert.EndsWith("raise the limit.", failure.Message, StringComparison.Ordinal);
        Assert.Equal(good.Sha256, failure.StillServed?.Sha256);
    }

    [Theory]
    [InlineData("missing", RejectionReason.FileMissing)]
    [InlineData("empty", RejectionReason.FileEmpty)]
    [InlineData("pipe", RejectionReason.FileUnreadable)]
    [InlineData("directory", RejectionReason.FileUnreadable)]
    [InlineData("denied", RejectionReason.FileUnreadable)]
    [InlineData("broken", RejectionReason.FileUnreadable)]
    [InlineData("circle", RejectionReason.FileUnreadable)]
    [InlineData("large", RejectionReason.FileUnreadable)]
    public void What_can_not_be_read_keeps_the_last_good_pair_and_is_reported(string what, RejectionReason reason)
    {
        Write(TestPair.Make());
        Start();
        News();

        switch (what)
        {
            case "missing": Files.Delete(KeyPath); break;
            case "empty": Files.Write(KeyPath, ""); break;
            case "pipe": Files.MakePipe(KeyPath); break;
            case "directory": Files.MakeDirectory(KeyPath); break;
            case "denied": Files.Fail(KeyPath, new UnauthorizedAccessException()); break;
            case "broken": Files.Fail(KeyPath, new IOException("input/output error")); break;
            case "circle": Files.Link(KeyPath, KeyPath); break;
            case "large": Files.Write(KeyPath, new byte[(1 << 20) + 1]); break;
            default: throw new ArgumentOutOfRangeException(nameof(what));
        }

        Raise(KeyPath);
        AdvancePastDebounce();

        var failure = Assert.Single(News<CertificateReloadFailed>());
        Assert.Equal(reason, failure.Reason);
        Assert.Contains(KeyPath, failure.Message, StringComparison.Ordinal);
        Assert.Equal(1, Current.Generation);
    }

    [Fact]
    public void A_load_past_its_time_limit_is_given_up_and_no_other_is_started_while_it_hangs()
    {
        Write(TestPair.Make());
        Start();
        News();
        Rotate(TestPair.Make());
        Disk.Hangs = true;
        AdvancePastDebounce();
        Advance(milliseconds: 4999);
        Assert.Empty(News<CertificateReloadFailed>());
        Assert.False(Status().LoadStuck);

        Advance(milliseconds: 1);
        Assert.Equal(RejectionReason.TimedOut, Assert.Single(News<CertificateReloadFailed>()).Reason);
        Assert.True(Status().LoadStuck);

        Supervisor.Tell(new ReloadNow());
        Pass(seconds: 4);
        Assert.Equal(1, Disk.Waiting);
        var next = Write(TestPair.Make());

        // What the stuck load brings is taken; the load that was asked for meanwhile follows it.
        Files.AfterRead = path =>
        {
            if (path == KeyPath)
                (Files.AfterRead, next) = (null, Write(TestPair.Make()));
        };
        ReleaseDisk();
        Assert.False(Status().LoadStuck);
        Assert.Equal(next.Sha256, Current.Facts.Sha256);
    }

    [Fact]
    public async Task By_default_a_failed_first_load_is_reported_and_tried_again()
    {
        Start();
        var failure = Assert.Single(News<CertificateReloadFailed>());
        Assert.Equal((RejectionReason.FileMissing, null), (failure.Reason, failure.StillServed));
        var empty = await Assert.ThrowsAsync<CertificateNotLoadedException>(() => Holder.WaitForFirstAsync(TimeSpan.Zero));
        Assert.Equal(RejectionReason.FileMissing, empty.Failure?.Reason);

        Write(TestPair.Make());
        Pass(seconds: 1);
        Assert.Equal(1, Current.Generation);
    }

    [Fact]
    public async Task With_StopOnFailedFirstLoad_the_supervisor_stops_itself_and_waiters_get_the_failure()
    {
        var waiter = Holder.WaitForFirstAsync(Timeout.InfiniteTimeSpan);
        var stopping = State(new CertificatesOptions { Certificates = [Options()], StopOnFailedFirstLoad = true });
        var supervisor = Sys.ActorOf(CertificateSupervisor.Props(stopping));
        Watch(supervisor);
        Barrier();
        ExpectTerminated(supervisor);

        var failed = await Assert.ThrowsAsync<CertificateNotLoadedException>(() => waiter.WaitAsync(TimeSpan.FromSeconds(30)));
        Assert.Equal(RejectionReason.FileMissing, failed.Failure?.Reason);
        Assert.Contains(CertPath, failed.Message, StringComparison.Ordinal);

        Write(TestPair.Make());
        Start();
        Assert.Same(Current, await Holder.WaitForFirstAsync());
    }

    [Fact]
    public void With_StopOnFailedFirstLoad_the_supervisor_does_not_stop_when_a_later_load_fails()
    {
        Write(TestPair.Make());
        Start(new CertificatesOptions { Certificates = [Options()], StopOnFailedFirstLoad = true });
        Files.Write(CertPath, "garbage");
        Raise(CertPath);
        AdvancePastDebounce();

        Assert.NotNull(Status().LastFailure);
    }
}
