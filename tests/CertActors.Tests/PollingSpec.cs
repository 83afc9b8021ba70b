using Akka.Event;
using CertActors.Tests.Support;
using CertActors.Watching.Sources;

namespace CertActors.Tests;

/// <summary>What happens without events, or behind them.</summary>
public sealed class PollingSpec : PipelineKit
{
    [Fact]
    public void With_events_a_lost_one_is_made_up_for_after_10_s()
    {
        Write(TestPair.Make());
        Start();
        Advance(seconds: 9);
        Write(TestPair.Make());

        Advance(milliseconds: 849);
        AdvancePastDebounce();
        Assert.Equal(1, Current.Generation);

        Advance(milliseconds: 1);
        AdvancePastDebounce();
        Assert.Equal((2, ReloadReason.Poll), (Current.Generation, News<CertificateChanged>()[^1].Reason));
    }

    [Fact]
    public void Files_that_stay_as_they_are_are_polled_without_being_read()
    {
        Write(TestPair.Make());
        Start();
        var reads = Files.Reads;

        Pass(seconds: 60, stepMilliseconds: 500);

        Assert.Equal(reads, Files.Reads);
    }

    [Fact]
    public void Without_events_changes_are_noticed_within_1_s()
    {
        Events.Unavailable = new IOException("too many instances");
        Write(TestPair.Make());
        Start();
        Assert.Equal(WatchMode.Polling, Status().WatchMode);
        Assert.Contains("too many instances", Assert.Single(News<WatchModeChanged>()).Message, StringComparison.Ordinal);
        Write(TestPair.Make());

        Advance(milliseconds: 849);
        AdvancePastDebounce();
        Assert.Equal(1, Current.Generation);

        Advance(milliseconds: 1);
        AdvancePastDebounce();
        Assert.Equal(2, Current.Generation);
    }

    [Fact]
    public void A_bad_file_takes_nothing_away_while_polling()
    {
        Events.Unavailable = new IOException("none");
        Write(TestPair.Make());
        Start();
        var served = Current;

        Files.Write(CertPath, "garbage");
        Pass(seconds: 10);
        Assert.Same(served, Holder.Current);
        Assert.Single(News<CertificateReloadFailed>());

        Write(TestPair.Make());
        Pass(seconds: 2);
        Assert.Equal(2, Current.Generation);
    }

    [Fact]
    public void Events_are_tried_again_after_1_s_doubling_to_60()
    {
        Events.Unavailable = new IOException("none");
        Write(TestPair.Make());
        Start();
        Assert.Equal(1, Events.Opened);
        Advance(milliseconds: 850);

        foreach (var wait in (double[])[2, 4, 8, 16, 32, 60, 60])
        {
            var opened = Events.Opened;
            Advance(seconds: wait - 0.001);
            Assert.Equal(opened, Events.Opened);
            Advance(milliseconds: 1);
            Assert.Equal(opened + 1, Events.Opened);
        }

        Assert.Single(News<WatchModeChanged>());
    }

    [Fact]
    public void A_lost_source_means_polling_until_there_are_events_again()
    {
        Write(TestPair.Make());
        Start();
        Assert.Equal(WatchMode.Events, Status().WatchMode);
        News();

        Events.Unavailable = new IOException("gone");
        Write(TestPair.Make());
        Events.RaiseEverything(FileEventKind.WatchLost);
        Barrier();
        Assert.Equal(WatchMode.Polling, Status().WatchMode);
        Assert.Equal(0, Events.OpenNow);

        AdvancePastDebounce();
        Assert.Equal(2, Current.Generation);

        Events.Unavailable = null;
        Advance(seconds: 1);
        Advance(seconds: 2);
        Assert.Equal(WatchMode.Events, Status().WatchMode);
        Assert.Equal([WatchMode.Polling, WatchMode.Events], News<WatchModeChanged>().Select(change => change.Mode));

        Rotate(TestPair.Make());
        AdvancePastDebounce();
        Assert.Equal(3, Current.Generation);
    }

    [Fact]
    public void A_directory_that_can_not_be_watched_means_polling()
    {
        Events.WatchFails = _ => new UnauthorizedAccessException("not yours");
        Write(TestPair.Make());
        Start();
        Assert.Equal(WatchMode.Polling, Status().WatchMode);
        Assert.Equal(1, Current.Generation);

        Events.WatchFails = _ => null;
        Advance(seconds: 1);
        Assert.Equal(WatchMode.Events, Status().WatchMode);
    }

    [Fact]
    public void The_wait_for_events_is_forgotten_once_they_have_lasted_for_a_poll()
    {
        Write(TestPair.Make());
        Start();
        for (var losses = 0; losses < 3; losses++)
        {
            AdvancePastPoll();
            Events.RaiseEverything(FileEventKind.WatchLost);
            Barrier();
            Assert.Equal(WatchMode.Polling, Status().WatchMode);
            Advance(seconds: 1);
            Assert.Equal(WatchMode.Events, Status().WatchMode);
        }
    }

    [Fact]
    public void A_look_that_hangs_is_reported_by_the_load_that_hangs_with_it()
    {
        Write(TestPair.Make());
        Start();
        News();
        Disk.Hangs = true;

        AdvancePastPoll();
        AdvancePastPoll();
        AdvancePastDebounce();
        AdvancePastLoadTimeLimit();

        Assert.Equal(RejectionReason.TimedOut, Assert.Single(News<CertificateReloadFailed>()).Reason);
        Assert.Equal(1, Current.Generation);
    }

    [Fact]
    public void A_poll_touches_a_pair_whose_look_goes_on_unless_the_others_have_been_looked_at_meanwhile()
    {
        Sys.EventStream.SetLogLevel(LogLevel.DebugLevel);
        CertificateOptions[] pairs = [.. "abc".Select(name => Options($"{name}", $"/certs/{name}/tls.crt", $"/certs/{name}/tls.key"))];
        foreach (var pair in pairs)
            Write(TestPair.Make(), pair.CertificatePath, pair.KeyPath);
        Start(pairs);
        Disk.Hangs = true;
        foreach (var pair in pairs)
            Raise(pair.CertificatePath);
        List<int> touches = [];
        Files.BeforeStat = path =>
        {
            // The first time, the others have been looked at.
            if (path != pairs[2].CertificatePath)
                return;
            Files.BeforeStat = null;
            for (var poll = 1; poll <= 2; poll++)
            {
                AdvancePastPoll();
                touches.Add(Logged().Count(line => line.Contains("c: touched (Poll)", StringComparison.Ordinal)));
            }
        };

        ReleaseDisk();

        Assert.Equal([0, 1], touches);
    }
}
