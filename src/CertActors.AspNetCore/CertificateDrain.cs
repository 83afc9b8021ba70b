using System.Net;
using CertActors.Diagnostics;
using Microsoft.AspNetCore.Connections;
using Microsoft.AspNetCore.Http.Features;
using Microsoft.Extensions.Logging;

namespace CertActors.AspNetCore;

/// <summary>The open connections of an endpoint, by the generation of their certificate, and the one timer that closes those of superseded generations.</summary>
/// <remarks>
/// Its lock is never held while a connection is asked to close or a client is verified, and by no handshake: a connection is added after its handshake.
/// </remarks>
internal sealed partial class CertificateDrain
{
    // The work of thousands of connections that are due at once would delay that of handshakes.
    private const int MaxAtOnce = 100;

    // The resolution of the system's timers.
    private static readonly TimeSpan MinWait = TimeSpan.FromMilliseconds(10);

    private readonly CertificateDrainOptions _options;
    private readonly ILogger _log;
    private readonly Func<EndPoint> _endpoint;
    private readonly TimeProvider _time;
    private readonly ITimer _timer;
    private readonly Lock _lock = new();
    private readonly Dictionary<ServingCertificate, GenerationDrain> _generations = [];
    private readonly HashSet<GenerationDrain> _superseded = [];
    private readonly ClientChecks? _clients;

    /// <param name="options">Valid.</param>
    /// <param name="holder">What the endpoint serves.</param>
    /// <param name="log">Where aborted connections and faults are reported.</param>
    /// <param name="endpoint">The endpoint, once it is bound.</param>
    /// <param name="time">The clock.</param>
    public CertificateDrain(CertificateDrainOptions options, CertificateHolder holder, ILogger log, Func<EndPoint> endpoint, TimeProvider time)
    {
        _options = options;
        _log = new SafeLogger(log);
        _endpoint = endpoint;
        _time = time;
        _clients = options.CloseRefusedClients ? new ClientChecks(this, holder, time) : null;
        _timer = time.CreateTimer(_ => CloseDue(), state: null, Timeout.InfiniteTimeSpan, Timeout.InfiniteTimeSpan);
    }

    /// <summary>Adds a connection whose handshake has succeeded.</summary>
    public void Add(ConnectionContext connection)
    {
        var served = connection.Features.GetRequiredFeature<ServedConnection>();
        var certificate = served.Certificate!;
        var client = _clients is null ? null : connection.Features.Get<ITlsConnectionFeature>()?.ClientCertificate;
        lock (_lock)
        {
            var isKnown = _generations.TryGetValue(certificate, out var generation);
            generation ??= _generations[certificate] = new GenerationDrain(this, _options, certificate.Name, certificate.Generation) { Certificate = certificate };
            served.Drained = new DrainedConnection(connection, generation, client, client is null ? null : served.TrustBundle);
            generation.Add(served.Drained);

            // A certificate that is superseded already calls back at once: the lock may be entered again.
            if (!isKnown)
                certificate.Superseded.UnsafeRegister(static state => ((GenerationDrain)state!).Drain.Start((GenerationDrain)state), generation);
            else if (generation.SupersededAt is not null)
                StartTimer();
        }

        if (client is not null && served.TrustBundle is { } bundle)
            _clients?.Follow(bundle, served.TrustGeneration);
    }

    /// <summary>The open connections of clients that were verified against a trust bundle, and weren't asked to close.</summary>
    public IReadOnlyList<DrainedConnection> ClientsOf(string trustBundle)
    {
        lock (_lock)
        {
            return
            [
                .. _generations.Values.SelectMany(generation => generation.Connections)
                    .Where(connection => connection.TrustBundle == trustBundle && !connection.WasAsked),
            ];
        }
    }

    /// <summary>The drain of clients that a generation of a trust bundle refuses; generation 0 is none.</summary>
    public GenerationDrain DrainOf(string trustBundle, long generation) => new(this, _options, trustBundle, generation) { SupersededAt = _time.GetTimestamp() };

    /// <summary>Asks a connection to close whose client is refused.</summary>
    /// <returns>False if it has closed meanwhile.</returns>
    public bool TryClose(DrainedConnection connection, GenerationDrain refused)
    {
        lock (_lock)
        {
            if (connection.Node.List is null)
                return false;

            // One that is drained already keeps its hard limit, which is earlier.
            if (connection.Generation.SupersededAt is null)
                connection.Generation = refused;
            connection.Generation.AddDue(connection);
            _superseded.Add(connection.Generation);
            StartTimer();
            return true;
        }
    }

    public void ReportRefused(int count, GenerationDrain refused, TrustResult last) =>
        ClientsRefused(_log, count, _endpoint(), refused.Name, refused.Number, last.Refusal!.Value, last.Message);

    /// <summary>Removes a connection that has closed.</summary>
    public void Remove(DrainedConnection connection)
    {
        lock (_lock)
        {
            var generation = connection.Generation;
            connection.Node.List?.Remove(connection.Node);
            if (generation.IsEmpty && _superseded.Remove(generation) && generation.Certificate is { } certificate)
                _generations.Remove(certificate);
        }
    }

    public void ReportFault(Exception fault) => CloseFailed(_log, _endpoint(), fault);

    public void ReportCheckFailed(Exception fault) => CheckFailed(_log, _endpoint(), fault);

    private void Start(GenerationDrain generation)
    {
        lock (_lock)
        {
            generation.SupersededAt = _time.GetTimestamp();
            if (generation.IsEmpty)
            {
                _generations.Remove(generation.Certificate!);
                return;
            }

            _superseded.Add(generation);
            StartTimer();
        }
    }

    private void CloseDue()
    {
        GenerationDrain[] superseded;
        lock (_lock)
            superseded = [.. _superseded];

        var left = MaxAtOnce;
        foreach (var generation in superseded)
            CloseDue(generation, ref left);
        lock (_lock)
            StartTimer();
    }

    private void CloseDue(GenerationDrain generation, ref int left)
    {
        for (; left > 0; left--)
        {
            if (TakeDue(generation) is not var (connection, step))
            {
                ReportAborted(generation);
                return;
            }

            // Whatever the server and the application do when a connection ends, they do for this one alone.
            if (step == DrainStep.Ask)
                ThreadPool.UnsafeQueueUserWorkItem(static open => open.AskToClose(), connection, preferLocal: false);
            else if (step == DrainStep.Abort)
                ThreadPool.UnsafeQueueUserWorkItem(static open => open.Abort(), connection, preferLocal: false);
        }
    }

    private (DrainedConnection Connection, DrainStep Step)? TakeDue(GenerationDrain generation)
    {
        lock (_lock)
        {
            var due = generation.Take(_time.GetElapsedTime(generation.SupersededAt!.Value));
            generation.Aborted += due is (_, DrainStep.Abort) ? 1 : 0;
            return due;
        }
    }

    private void ReportAborted(GenerationDrain generation)
    {
        int aborted;
        lock (_lock)
            (aborted, generation.Aborted) = (generation.Aborted, 0);
        if (aborted > 0)
            Aborted(_log, aborted, _endpoint(), generation.Name, generation.Number);
    }

    private void StartTimer()
    {
        TimeSpan? wait = null;
        foreach (var generation in _superseded)
        {
            if (generation.Due() - _time.GetElapsedTime(generation.SupersededAt!.Value) is { } left && !(wait < left))
                wait = left;
        }

        if (wait is { } next)
            _timer.Change(next > MinWait ? next : MinWait, Timeout.InfiniteTimeSpan);
    }

    [LoggerMessage(2, LogLevel.Warning, "{Count} connections to {EndPoint} were aborted, as they were open at the hard limit of the drain of {Name}, generation {Generation}.", EventName = "ConnectionsAborted")]
    private static partial void Aborted(ILogger log, int count, EndPoint endPoint, string name, long generation);

    [LoggerMessage(3, LogLevel.Warning, "A callback has failed that is registered for the close of a connection to {EndPoint}.", EventName = "CloseFailed")]
    private static partial void CloseFailed(ILogger log, EndPoint endPoint, Exception fault);

    [LoggerMessage(4, LogLevel.Information, "{Count} connections to {EndPoint} are closed, as trust bundle {Name}, generation {Generation}, no longer trusts their clients; the last ({Reason}): {Message}", EventName = "ClientsRefused")]
    private static partial void ClientsRefused(ILogger log, int count, EndPoint endPoint, string name, long generation, TrustRefusal reason, string message);

    [LoggerMessage(5, LogLevel.Error, "The check has failed whether clients of connections to {EndPoint} are still trusted.", EventName = "ClientCheckFailed")]
    private static partial void CheckFailed(ILogger log, EndPoint endPoint, Exception fault);
}
