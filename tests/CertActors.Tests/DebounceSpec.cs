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

        Advance(milliseconds: 149);
        Assert.Equal(1, Current.Generation);

        Advance(milliseconds: 1);
        Assert.Equal(2, Current.Generation);
    }

    [Fact]
    public void Each_event_starts_the_window_anew()
    {
        Rotate(TestPair.Make());
        Advance(milliseconds: 149);
        Raise(CertPath);
        Advance(milliseconds: 149);
        Assert.Equal(1, Current.Generation);

        Advance(milliseconds: 1);
        Assert.Equal(2, Current.Generation);
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

        Advance(milliseconds: 99);
        Assert.Equal(1, Current.Generation);

        Advance(milliseconds: 1);
        Assert.Equal(2, Current.Generation);
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
}
