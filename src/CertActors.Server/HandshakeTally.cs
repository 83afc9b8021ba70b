using System.Collections.Concurrent;
using System.Diagnostics;
using System.Net;
using System.Net.Security;
using System.Net.Sockets;
using System.Security.Authentication;
using System.Security.Cryptography;

namespace CertActors.Server;

/// <summary>Makes handshakes with a server, and counts the certificates that it gets.</summary>
internal sealed class HandshakeTally(IPEndPoint server, string firstSha256)
{
    private const int MaxFailuresKept = 5;

    private static readonly TimeSpan MaxHandshake = TimeSpan.FromSeconds(5);

    private readonly ConcurrentDictionary<string, Generation> _expected = new() { [firstSha256] = new Generation() };
    private readonly ConcurrentQueue<TimeSpan> _latencies = new();
    private readonly ConcurrentQueue<string> _failures = new();
    private long _handshakes;
    private long _failed;

    /// <summary>When a certificate was written, and when a handshake first got it. Timestamps of <see cref="Stopwatch"/>.</summary>
    private sealed class Generation
    {
        public long Swapped;
        public readonly TaskCompletionSource<long> Seen = new(TaskCreationOptions.RunContinuationsAsynchronously);
    }

    public long Handshakes => Interlocked.Read(ref _handshakes);

    public long Failures => Interlocked.Read(ref _failed);

    public IEnumerable<string> FirstFailures => _failures;

    public int Unseen => _expected.Values.Count(generation => !generation.Seen.Task.IsCompleted);

    public TimeSpan? LastLatency => _latencies.IsEmpty ? null : _latencies.Last();

    public IReadOnlyList<TimeSpan> Latencies => [.. _latencies.Order()];

    /// <summary>From now on a handshake may get this certificate.</summary>
    public void Expect(string sha256) => _expected.TryAdd(sha256, new Generation());

    /// <summary>The certificate has been written: its latency counts from now on.</summary>
    public void Swapped(string sha256)
    {
        var generation = _expected[sha256];
        generation.Swapped = Stopwatch.GetTimestamp();
        generation.Seen.Task.ContinueWith(
            seen => _latencies.Enqueue(Stopwatch.GetElapsedTime(generation.Swapped, Math.Max(seen.Result, generation.Swapped))),
            CancellationToken.None,
            TaskContinuationOptions.ExecuteSynchronously,
            TaskScheduler.Default);
    }

    public async Task WaitForAllAsync(TimeSpan atMost)
    {
        try
        {
            await Task.WhenAll(_expected.Values.Select(generation => generation.Seen.Task)).WaitAsync(atMost);
        }
        catch (TimeoutException)
        {
            // The summary counts those that were not seen.
        }
    }

    public async Task ShakeHandsAsync()
    {
        Interlocked.Increment(ref _handshakes);
        try
        {
            var sha256 = await LeafOfServerAsync();
            _expected[sha256].Seen.TrySetResult(Stopwatch.GetTimestamp());
        }
        catch (Exception error) when (error is IOException or SocketException or AuthenticationException or OperationCanceledException)
        {
            Fail($"{error.GetType().Name}: {error.Message}");
        }
    }

    private async Task<string> LeafOfServerAsync()
    {
        using var limit = new CancellationTokenSource(MaxHandshake);
        using var client = new TcpClient();
        await client.ConnectAsync(server, limit.Token);
        using var tls = new SslStream(client.GetStream());
        string? sha256 = null;
        await tls.AuthenticateAsClientAsync(
            new SslClientAuthenticationOptions
            {
                TargetHost = "localhost",

                // A resumed session reports the certificate of the original session.
                AllowTlsResume = false,
                RemoteCertificateValidationCallback = (_, certificate, _, _) =>
                {
                    sha256 = Convert.ToHexStringLower(SHA256.HashData(certificate!.GetRawCertData()));
                    return _expected.ContainsKey(sha256);
                },
            },
            limit.Token);
        return sha256!;
    }

    private void Fail(string message)
    {
        Interlocked.Increment(ref _failed);
        if (_failures.Count < MaxFailuresKept)
            _failures.Enqueue(message);
    }
}
