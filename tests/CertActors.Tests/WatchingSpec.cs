using CertActors.Reloading;
using CertActors.Tests.Support;
using CertActors.Watching;
using CertActors.Watching.Sources;

namespace CertActors.Tests;

/// <summary>What is watched, and what becomes of it when the kernel refuses or the disk hangs.</summary>
public sealed class WatchingSpec : PipelineKit
{
    private const string OtherCert = "/other/tls.crt";
    private const string OtherKey = "/other/tls.key";

    [Fact]
    public void Every_directory_on_the_way_is_watched()
    {
        Files.Write("/mnt/v1/tls.crt", TestPair.Make().CertificatePem);
        Files.Link(CertPath, "/mnt/v1/tls.crt");
        Files.Write(KeyPath, "key");
        Start();
        Assert.Equal(["/", "/certs", "/mnt", "/mnt/v1"], Events.Directories);
    }

    [Fact]
    public void An_ancestor_that_is_swapped_is_noticed_at_once()
    {
        Write(TestPair.Make());
        Start();
        var next = Write(TestPair.Make(), "/next/tls.crt", "/next/tls.key");
        Files.Delete("/certs");
        Files.Link("/certs", "next");
        Raise("/certs", FileEventKind.Created);
        AdvancePastDebounce();
        Assert.Equal(next.Sha256, Current.Facts.Sha256);
        Assert.Equal(["/", "/next"], Events.Directories);
    }

    [Fact]
    public void A_circle_of_links_is_watched_and_its_end_noticed_at_once()
    {
        var pair = TestPair.Make();
        Files.Write(CertPath, pair.CertificatePem);
        Files.Link(KeyPath, "/certs/other");
        Files.Link("/certs/other", KeyPath);
        Start();
        Assert.Equal((RejectionReason.FileUnreadable, WatchMode.Events), (Status().LastFailure?.Reason, Status().WatchMode));

        Files.Write("/certs/other", pair.KeyPem);
        Raise("/certs/other", FileEventKind.Created);
        AdvancePastDebounce();
        Assert.Equal(pair.Sha256, Current.Facts.Sha256);
    }

    [Fact]
    public void A_mount_touches_every_pair()
    {
        Write(TestPair.Make());
        Write(TestPair.Make(), OtherCert, OtherKey);
        Start(Options(), Options("other", OtherCert, OtherKey));
        Write(TestPair.Make());
        Write(TestPair.Make(), OtherCert, OtherKey);

        Events.RaiseEverything(FileEventKind.Mounts);
        Barrier();
        AdvancePastDebounce();
        Assert.Equal([2L, 2L], [Status().LastChange!.Generation, Status("other").LastChange!.Generation]);
    }

    [Fact]
    public void A_pair_that_can_not_be_watched_polls_alone_and_says_why()
    {
        Write(TestPair.Make());
        Write(TestPair.Make(), OtherCert, OtherKey);
        Events.WatchFails = directory => directory == "/other" ? InotifyErrors.OfWatch(directory, error: 28) : null;
        Start(Options(), Options("other", OtherCert, OtherKey));

        Assert.Equal((WatchMode.Events, WatchMode.Polling), (Status().WatchMode, Status("other").WatchMode));
        var told = Assert.Single(News<WatchModeChanged>(), mode => mode.Name == "other");
        Assert.Contains("/other", told.Message, StringComparison.Ordinal);
        Assert.Contains("fs.inotify.max_user_watches", told.Message, StringComparison.Ordinal);

        Write(TestPair.Make(), OtherCert, OtherKey);
        Pass(seconds: 1.2);
        Assert.Equal(2, Status("other").LastChange!.Generation);

        Events.WatchFails = _ => null;
        Pass(seconds: 4);
        Assert.Equal(WatchMode.Events, Status("other").WatchMode);
    }

    [Fact]
    public void An_ancestor_that_can_not_be_watched_takes_no_events_from_the_files()
    {
        Write(TestPair.Make());
        Events.WatchFails = directory => directory == "/" ? InotifyErrors.OfWatch(directory, error: 13) : null;
        Start();
        Assert.Equal(WatchMode.Polling, Status().WatchMode);

        Rotate(TestPair.Make());
        AdvancePastDebounce();
        Assert.Equal(2, Current.Generation);
    }

    [Fact]
    public void A_pair_that_can_never_be_watched_does_not_make_another_wait_for_its_events()
    {
        Write(TestPair.Make());
        Write(TestPair.Make(), "/closed/tls.crt", "/closed/tls.key");
        var closed = true;
        Events.WatchFails = directory => directory == "/closed" || (directory == "/certs" && !closed) ? new UnauthorizedAccessException("it is closed") : null;
        Start(Options(), Options("other", "/closed/tls.crt", "/closed/tls.key"));
        Pass(seconds: 200, stepMilliseconds: 1000);
        Assert.Equal((WatchMode.Events, WatchMode.Polling), (Status().WatchMode, Status("other").WatchMode));

        closed = false;
        Events.RaiseDirectory("/certs", FileEventKind.WatchLost);
        Barrier();
        Assert.Equal(WatchMode.Polling, Status().WatchMode);
        closed = true;
        Pass(seconds: 1);
        Assert.Equal(WatchMode.Events, Status().WatchMode);
    }

    [Fact]
    public void A_clock_that_is_set_back_holds_up_no_poll()
    {
        var now = DateTimeOffset.UnixEpoch.AddYears(50);
        var polls = new PollSchedule(() => now);
        var pair = new WatchState(Options().ToWatchedFiles(), share: 1) { Mode = WatchMode.Events };
        polls.Plan(pair, TimeSpan.FromSeconds(10));
        now = now.AddHours(-1);
        Assert.Equal(TimeSpan.FromSeconds(10), polls.Wait);
        Assert.Equal([pair], polls.Take());

        polls.Plan(pair, TimeSpan.FromSeconds(10));
        now = now.AddSeconds(4);
        Assert.Equal(TimeSpan.FromSeconds(6), polls.Wait);
    }

    [Fact]
    public void Polls_that_are_nearly_due_are_one_errand()
    {
        var now = DateTimeOffset.UnixEpoch;
        var polls = new PollSchedule(() => now);
        WatchState[] pairs = [.. Enumerable.Range(0, 1000).Select(_ => new WatchState(Options().ToWatchedFiles(), share: 1) { Mode = WatchMode.Events })];
        for (var i = 0; i < pairs.Length; i++)
            polls.Plan(pairs[i], TimeSpan.FromMilliseconds(10 * (i + 1)));

        now += polls.Wait;
        Assert.Equal(pairs[..11], polls.Take());
    }

    [Fact]
    public void Polls_stay_spread_over_their_interval_after_a_clock_has_jumped()
    {
        var now = DateTimeOffset.UnixEpoch;
        var polls = new PollSchedule(() => now);
        WatchState[] pairs = [.. Enumerable.Range(0, 10).Select(_ => new WatchState(Options().ToWatchedFiles(), share: 1) { Mode = WatchMode.Events })];
        for (var i = 0; i < pairs.Length; i++)
            polls.Plan(pairs[i], TimeSpan.FromSeconds(i + 1));

        now += TimeSpan.FromHours(1) + TimeSpan.FromSeconds(0.5);
        var missed = polls.Take();
        Assert.Equal(pairs, missed);
        missed.ForEach(polls.Repeat);
        foreach (var pair in pairs)
        {
            Assert.InRange(polls.Wait, TimeSpan.FromSeconds(0.5), TimeSpan.FromSeconds(1));
            now += polls.Wait;
            Assert.Equal([pair], polls.Take());
        }
    }

    [Fact]
    public void What_is_planned_anew_is_not_due_as_it_was()
    {
        var now = DateTimeOffset.UnixEpoch;
        var polls = new PollSchedule(() => now);
        var pair = new WatchState(Options().ToWatchedFiles(), share: 1);
        polls.Plan(pair, TimeSpan.FromSeconds(1));
        polls.Plan(pair, TimeSpan.FromSeconds(10));
        Assert.Equal(TimeSpan.FromSeconds(10), polls.Wait);
    }

    [Fact]
    public void What_is_planned_twice_for_one_moment_is_polled_once()
    {
        var now = DateTimeOffset.UnixEpoch;
        var polls = new PollSchedule(() => now);
        var pair = new WatchState(Options().ToWatchedFiles(), share: 1);
        polls.Plan(pair, TimeSpan.FromSeconds(1));
        polls.Plan(pair, TimeSpan.FromSeconds(1));
        now = now.AddSeconds(1);
        Assert.Equal([pair], polls.Take());
    }
}
