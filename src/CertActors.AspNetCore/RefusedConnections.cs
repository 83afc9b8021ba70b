using System.Net;
using CertActors.Diagnostics;
using Microsoft.Extensions.Logging;

namespace CertActors.AspNetCore;

/// <summary>
/// Counts the connections of an endpoint that end before a certificate is chosen, because they don't begin with a ClientHello. They are reported
/// together, a minute after the first, as anybody can open any number of them.
/// </summary>
internal sealed partial class RefusedConnections
{
    private static readonly TimeSpan Interval = TimeSpan.FromMinutes(1);

    private readonly ILogger _log;
    private readonly Func<EndPoint> _endpoint;
    private readonly ITimer _report;
    private int _count;

    /// <param name="log">Where they are reported.</param>
    /// <param name="endpoint">The endpoint, once it is bound.</param>
    /// <param name="time">The clock of the reports.</param>
    public RefusedConnections(ILogger log, Func<EndPoint> endpoint, TimeProvider time)
    {
        _log = new SafeLogger(log);
        _endpoint = endpoint;
        _report = time.CreateTimer(_ => Report(), state: null, Timeout.InfiniteTimeSpan, Timeout.InfiniteTimeSpan);
    }

    public void Add()
    {
        if (Interlocked.Increment(ref _count) == 1)
            _report.Change(Interval, Timeout.InfiniteTimeSpan);
    }

    private void Report() => Refused(_log, Interlocked.Exchange(ref _count, 0), _endpoint());

    [LoggerMessage(1, LogLevel.Information, "{Count} connections to {EndPoint} were closed within the last minute, because they didn't begin with a TLS ClientHello.", EventName = "ConnectionsRefused")]
    private static partial void Refused(ILogger log, int count, EndPoint endPoint);
}
