using Akka.Event;
using CertActors.Tests.Support;

namespace CertActors.Tests;

/// <summary>When a touched pair is read.</summary>
public sealed class DebounceSpec : PipelineKit
{
    public DebounceSpec()
    {
        Write(TestPair.Make());
        Start();
    }

    [Fact]
    public void Not_after_149_ms_but_after_150()
    {
        Rotate(TestPair.Make());
        AssertLoadedAfter(milliseconds: 150);
    }

    [Fact]
    public void Each_event_starts_the_window_anew()
    {
        Rotate(TestPair.Make());
        Advance(milliseconds: 149);
        Raise(CertPath);
        AssertLoadedAfter(milliseconds: 150);
    }

    [Fact]
    public void Never_later_than_1_s_after_the_first_event_though_events_go_on()
    {
        Rotate(TestPair.Make());
        for (var passed = 0; passed < 900; passed += 100)
        {
            Advance(milliseconds: 100);
            Raise(CertPath);
        }

        AssertLoadedAfter(milliseconds: 100);
    }

    [Fact]
    public void The_longest_debounce_counts_anew_after_each_reload()
    {
        for (var generation = 2; generation < 5; generation++)
        {
            Rotate(TestPair.Make());
            Advance(milliseconds: 150);
            Assert.Equal(generation, Current.Generation);
            Advance(milliseconds: 700);
        }
    }

    [Fact]
    public void At_the_start_a_pair_is_loaded_once_until_its_path_is_inspected()
    {
        const int filesOfPair = 2;

        Stop();
        Disk.Hangs = true;
        var reads = Files.Reads;
        Start();
        Advance(milliseconds: 800);
        ReleaseDisk();
        Assert.Equal(filesOfPair, Files.Reads - reads);
    }

    [Fact]
    public void At_Debug_the_log_has_the_start_and_the_end_of_each_debounce()
    {
        Stop();
        Sys.EventStream.SetLogLevel(LogLevel.DebugLevel);
        Start();
        Raise(CertPath);
        Raise(KeyPath);
        AdvancePastDebounce();

        Assert.Equal(1, Entries("debounce started (FileChange); it ends 00:00:00.1500000 after the last touch, and at most 00:00:01 after the first."));
        Assert.Equal(1, Entries("debounce ended; load requested (FileChange)."));

        int Entries(string text) => Logged().Count(entry => entry.EndsWith($"default: {text}", StringComparison.Ordinal));
    }

    [Fact]
    public void A_pair_is_debounced_by_its_own_window()
    {
        Stop();
        Write(TestPair.Make(), "/other/tls.crt", "/other/tls.key");
        Start(Options(), Options("other", "/other/tls.crt", "/other/tls.key") with { DebounceWindow = TimeSpan.FromMilliseconds(500) });
        Advance(milliseconds: 500);
        News();

        Rotate(TestPair.Make());
        Write(TestPair.Make(), "/other/tls.crt", "/other/tls.key");
        Raise("/other/tls.key");

        Advance(milliseconds: 150);
        Assert.Equal("default", Assert.Single(News<CertificateChanged>()).Name);
        Advance(milliseconds: 350);
        Assert.Equal("other", Assert.Single(News<CertificateChanged>()).Name);
    }

    private void AssertLoadedAfter(double milliseconds)
    {
        Advance(milliseconds: milliseconds - 1);
        Assert.Equal(1, Current.Generation);

        Advance(milliseconds: 1);
        Assert.Equal(2, Current.Generation);
    }
}
