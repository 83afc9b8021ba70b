using System.Net;
using CertActors.AspNetCore;
using CertActors.Tests.Support;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Time.Testing;

namespace CertActors.Tests;

/// <summary>However many strangers connect, they cost a line a minute.</summary>
public sealed class RefusedConnectionsSpec
{
    private readonly FakeTimeProvider _time = new();
    private readonly LoggedLines _log = new();
    private readonly RefusedConnections _refused;

    public RefusedConnectionsSpec()
    {
        _refused = new RefusedConnections(_log, () => new IPEndPoint(IPAddress.Loopback, 8443), _time);
    }

    [Fact]
    public void Two_thousand_are_reported_together_a_minute_after_the_first()
    {
        for (var i = 0; i < 2000; i++)
            _refused.Add();
        _time.Advance(TimeSpan.FromSeconds(59));
        Assert.Empty(_log.All);

        _time.Advance(TimeSpan.FromSeconds(1));
        var (level, line) = Assert.Single(_log.All);
        Assert.Equal(LogLevel.Information, level);
        Assert.StartsWith("2000 connections to 127.0.0.1:8443", line, StringComparison.Ordinal);
    }

    [Fact]
    public void Those_of_the_next_minute_are_reported_after_it_and_none_are_not_reported()
    {
        _refused.Add();
        _time.Advance(TimeSpan.FromMinutes(10));
        Assert.Single(_log.All);

        _refused.Add();
        _refused.Add();
        _time.Advance(TimeSpan.FromMinutes(10));
        Assert.Equal(["1", "2"], _log.All.Select(entry => entry.Line.Split(' ')[0]));
    }

    [Fact]
    public void A_log_that_fails_ends_no_process()
    {
        _log.Fails = true;
        _refused.Add();
        _time.Advance(TimeSpan.FromMinutes(1));
        _log.Fails = false;
        _refused.Add();
        _time.Advance(TimeSpan.FromMinutes(1));

        Assert.Equal(1, _log.Failures);
        Assert.StartsWith("1 connections", Assert.Single(_log.All).Line, StringComparison.Ordinal);
    }
}
