using System.Net;
using System.Runtime.CompilerServices;
using CertActors.AspNetCore;
using CertActors.Tests.Support;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Time.Testing;

namespace CertActors.Tests;

/// <summary>How the connections of an endpoint are closed after a rotation.</summary>
public sealed class CertificateDrainSpec : PipelineKit
{
    private const int Grace = 10;
    private const int Window = 40;
    private const int HardLimit = 100;

    private readonly CountingTime _time = new();
    private readonly LoggedLines _log = new();
    private readonly CertificateDrain _drain;

    public CertificateDrainSpec()
    {
        // A test goes on where it has waited for the thread pool.
        HasOwnThreads = true;
        Write(TestPair.Make());
        Start();
        _drain = Make(new CertificateDrainOptions { GracePeriod = Seconds(Grace), DrainWindow = Seconds(Window), HardLimit = Seconds(HardLimit) });
    }

    [Fact]
    public async Task Nothing_happens_before_the_end_of_the_grace_period()
    {
        var connection = Connect();
        Pass(1000);
        await RotateOnceAsync();
        Pass(Grace - 1);
        await connection.ReceiveAsync();

        Assert.Equal(0, connection.CloseRequests);
    }

    [Fact]
    public async Task A_connection_with_notice_is_asked_within_the_next_request()
    {
        var connection = Connect();
        await RotateOnceAsync();
        Pass(Grace + (Window * 3 / 4));
        Assert.Equal(0, connection.CloseRequests);

        await connection.ReceiveAsync();
        Assert.Equal(1, connection.CloseRequests);
        await connection.ReceiveAsync();
        Pass(Window);
        Assert.Equal((1, 0), (connection.CloseRequests, connection.Aborts));
    }

    [Fact]
    public async Task An_idle_connection_is_asked_by_the_end_of_the_window()
    {
        var connection = Connect();
        await RotateOnceAsync();
        PassWindow();

        await EventuallyAsync(() => connection.CloseRequests == 1);
        Assert.Equal(0, connection.Aborts);
    }

    [Fact]
    public async Task What_is_left_at_the_hard_limit_is_aborted_and_reported_in_one_line()
    {
        FakeConnection[] connections = [Connect(), Connect(), Connect()];
        connections[0].Served.End();
        await RotateOnceAsync();
        Pass(HardLimit - 1);
        Assert.All(connections, connection => Assert.Equal(0, connection.Aborts));

        Pass(1);

        await EventuallyAsync(() => connections.Sum(connection => connection.Aborts) == 2);
        Assert.Equal(0, connections[0].Aborts + connections[0].CloseRequests);
        Assert.Equal(
            (LogLevel.Warning, "2 connections to 127.0.0.1:8443 were aborted, as they were open at the hard limit of the drain of default, generation 1."),
            Assert.Single(_log.All));
    }

    [Fact]
    public async Task A_log_that_fails_ends_neither_the_drain_nor_the_process()
    {
        _log.Fails = true;
        var connection = Connect(onRequestClose: () => throw new InvalidOperationException("A callback of the application."));
        await RotateOnceAsync();
        PassWindow();
        await EventuallyAsync(() => _log.Failures == 1);
        Pass(HardLimit);
        await EventuallyAsync(() => connection.Aborts == 1 && _log.Failures == 2);

        var next = Connect();
        await RotateOnceAsync();
        Pass(HardLimit);
        await EventuallyAsync(() => next.Aborts == 1);
    }

    [Fact]
    public async Task Thousands_that_are_due_at_once_are_closed_a_hundred_at_a_time()
    {
        FakeConnection[] connections = [.. Enumerable.Range(0, 2050).Select(_ => Connect())];
        await RotateOnceAsync();
        Pass(HardLimit);
        await EventuallyAsync(() => connections.Sum(connection => connection.Aborts) == 100);
        Assert.Empty(_log.All);

        for (var tick = 0; tick < 19; tick++)
            Pass(0.01);
        await EventuallyAsync(() => connections.Sum(connection => connection.Aborts) == 2000);
        Pass(0.01);
        await EventuallyAsync(() => connections.All(connection => connection.Aborts == 1));
        Assert.StartsWith("2050 connections", Assert.Single(_log.All).Line, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Each_generation_has_a_drain_of_its_own()
    {
        var first = Connect();
        await RotateOnceAsync();
        Pass(40);
        var second = Connect();
        await RotateOnceAsync();
        var third = Connect();

        PassWindow(from: 40);
        await EventuallyAsync(() => first.CloseRequests == 1);
        Assert.Equal(0, second.CloseRequests);
        PassWindow(from: 11);
        await EventuallyAsync(() => second.CloseRequests == 1);
        Pass(HardLimit - 40 - 11 - 40);
        await EventuallyAsync(() => first.Aborts == 1);

        Assert.Equal((0, 0, 0), (second.Aborts, third.CloseRequests, third.Aborts));
    }

    [Fact]
    public async Task A_connection_whose_handshake_began_before_the_swap_is_drained_too()
    {
        var old = Current;
        var first = Connect();
        await RotateOnceAsync();
        first.Served.End();
        Pass(1000);

        var late = Connect(old);
        PassWindow();

        await EventuallyAsync(() => late.CloseRequests == 1);
        Assert.Equal(0, first.CloseRequests);
    }

    [Fact]
    public async Task A_close_that_fails_or_hangs_holds_up_no_other()
    {
        using var release = new ManualResetEventSlim();
        var hanging = Connect(onRequestClose: () => release.Wait(Generous));
        var failing = Connect(onRequestClose: () => throw new AggregateException(new InvalidOperationException("a fault of the application's")));
        var good = Connect();
        await RotateOnceAsync();
        PassWindow();

        await EventuallyAsync(() => hanging.CloseRequests + failing.CloseRequests + good.CloseRequests == 3);
        await EventuallyAsync(() => !_log.All.IsEmpty);
        Assert.Equal("A callback has failed that is registered for the close of a connection to 127.0.0.1:8443.", Assert.Single(_log.All).Line);
        release.Set();
    }

    [Fact]
    public async Task A_thousand_connections_share_a_timer_and_are_all_asked()
    {
        FakeConnection[] connections = [.. Enumerable.Range(0, 1000).Select(_ => Connect())];
        await RotateOnceAsync();
        for (var second = 0; second <= Grace + Window; second++)
            Pass(1);

        await EventuallyAsync(() => connections.All(connection => connection.CloseRequests == 1));
        Assert.Equal(1, _time.Timers);
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task A_generation_is_forgotten_when_it_is_superseded_and_has_no_connection(bool closesFirst)
    {
        var old = ServeConnectionAndRotate(closesFirst);

        // Timers of the scheduler that were cancelled are let go when their time is over.
        Advance(seconds: 10);
        await EventuallyAsync(() =>
        {
            GC.Collect();
            GC.WaitForPendingFinalizers();
            return !old.IsAlive;
        });
        GC.KeepAlive(_drain);
    }

    // Not inlined, so that no local holds the certificate.
    [MethodImpl(MethodImplOptions.NoInlining)]
    private WeakReference ServeConnectionAndRotate(bool closesFirst)
    {
        var connection = Connect();
        var old = new WeakReference(Current);
        if (closesFirst)
            connection.Served.End();
        Rotate(TestPair.Make());
        AdvancePastDebounce();
        if (!closesFirst)
            connection.Served.End();
        return old;
    }

    [Theory]
    [InlineData(-1, 0, null, "GracePeriod is -00:00:01, and must be 0 to 1 day")]
    [InlineData(86401, 0, null, "GracePeriod is 1.00:00:01, and must be 0 to 1 day")]
    [InlineData(0, -1, null, "DrainWindow is -00:00:01, and must be 0 to 1 day")]
    [InlineData(10, 20, 29, "HardLimit (00:00:29) must be at least GracePeriod (00:00:10) and DrainWindow (00:00:20) together, or null")]
    [InlineData(0, 0, (31 * 86400), "HardLimit is 31.00:00:00, and must be at most 30 days, or null")]
    public void Options_out_of_range_are_refused(int grace, int window, int? hardLimit, string error)
    {
        var options = new CertificateDrainOptions
        {
            GracePeriod = Seconds(grace),
            DrainWindow = Seconds(window),
            HardLimit = hardLimit is { } limit ? Seconds(limit) : null,
        };

        Assert.Equal(error, Assert.Single(Assert.Throws<CertificateOptionsException>(options.Check).Errors));
    }

    [Fact]
    public void Options_within_range_are_accepted()
    {
        new CertificateDrainOptions().Check();
        new CertificateDrainOptions { GracePeriod = Seconds(10), DrainWindow = Seconds(20), HardLimit = Seconds(30) }.Check();
        new CertificateDrainOptions { GracePeriod = TimeSpan.Zero, DrainWindow = TimeSpan.Zero, HardLimit = TimeSpan.Zero }.Check();
    }

    private static TimeSpan Seconds(double seconds) => TimeSpan.FromSeconds(seconds);

    private CertificateDrain Make(CertificateDrainOptions options) => new(options, Holder, _log, () => new IPEndPoint(IPAddress.Loopback, 8443), _time);

    private FakeConnection Connect(ServingCertificate? certificate = null, Action? onRequestClose = null)
    {
        var connection = new FakeConnection(new ServerIdentity(Holder, certificate ?? Current, trustBundle: null, new CertificateServerOptions())) { OnRequestClose = onRequestClose ?? (() => { }) };
        _drain.Add(connection);
        return connection;
    }

    /// <summary>Swaps the pair, and waits until the drain knows it.</summary>
    private async Task RotateOnceAsync()
    {
        var timers = _time.Changes;
        Rotate(TestPair.Make());
        AdvancePastDebounce();
        await EventuallyAsync(() => _time.Changes > timers);
    }

    /// <summary>Passes the rest of a window, and a second: the timer is a few milliseconds late where events are that close.</summary>
    private void PassWindow(int from = 0) => Pass(Grace + Window - from + 1);

    private void Pass(double seconds) => _time.Advance(Seconds(seconds));

    /// <summary>Counts the timers that are made, and their starts.</summary>
    private sealed class CountingTime : FakeTimeProvider
    {
        private int _changes;

        public int Timers { get; private set; }

        public int Changes => Volatile.Read(ref _changes);

        public override ITimer CreateTimer(TimerCallback callback, object? state, TimeSpan dueTime, TimeSpan period)
        {
            Timers++;
            return new CountingTimer(base.CreateTimer(callback, state, dueTime, period), this);
        }

        private sealed class CountingTimer(ITimer inner, CountingTime time) : ITimer
        {
            public bool Change(TimeSpan dueTime, TimeSpan period)
            {
                var changed = inner.Change(dueTime, period);
                Interlocked.Increment(ref time._changes);
                return changed;
            }

            public void Dispose() => inner.Dispose();

            public ValueTask DisposeAsync() => inner.DisposeAsync();
        }
    }
}
