using System.Security.Cryptography;

namespace CertActors.AspNetCore;

/// <summary>Verifies the clients of open connections again, once the trust bundle is swapped that they were verified against.</summary>
/// <remarks>
/// One client after the other is verified on the thread pool, each as a work item of its own, so that handshakes come between. A bundle that is swapped
/// meanwhile is followed by a further pass.
/// </remarks>
internal sealed class ClientChecks(CertificateDrain drain, CertificateHolder holder, TimeProvider time)
{
    private readonly Lock _lock = new();
    private readonly Dictionary<string, TrustBundle> _followed = new(StringComparer.Ordinal);
    private readonly HashSet<string> _pending = new(StringComparer.Ordinal);
    private bool _isRunning;

    /// <summary>Follows the trust bundle from now on that a new connection was verified against.</summary>
    /// <param name="name">The bundle's name.</param>
    /// <param name="generation">The generation that has verified the client.</param>
    public void Follow(string name, long generation)
    {
        if (holder.GetTrustBundle(name) is not { } served)
            return;
        lock (_lock)
        {
            if (_followed.GetValueOrDefault(name) != served)
            {
                _followed[name] = served;
                served.Superseded.UnsafeRegister(_ => Check(name), state: null);
            }
        }

        // It was swapped between the handshake and the addition of the connection.
        if (served.Generation != generation)
            Check(name);
    }

    private void Check(string name)
    {
        lock (_lock)
        {
            _pending.Add(name);
            if (_isRunning)
                return;
            _isRunning = true;
        }

        ThreadPool.UnsafeQueueUserWorkItem(static checks => _ = checks.RunAsync(), this, preferLocal: false);
    }

    private async Task RunAsync()
    {
        while (Next() is { } name)
        {
            try
            {
                if (holder.GetTrustBundle(name) is { } bundle)
                    await CheckAsync(bundle).ConfigureAwait(false);
            }
            catch (Exception fault)
            {
                drain.ReportFault(fault);
            }
        }
    }

    private string? Next()
    {
        lock (_lock)
        {
            var next = _pending.FirstOrDefault();
            _isRunning = next is not null && _pending.Remove(next);
            return next;
        }
    }

    private async Task CheckAsync(TrustBundle bundle)
    {
        // A client with many connections is verified once.
        var results = new Dictionary<string, TrustResult>(StringComparer.Ordinal);
        var refused = drain.DrainOf(bundle);
        var (count, last) = (0, (TrustResult?)null);
        foreach (var connection in drain.ClientsOf(bundle.Name))
        {
            var client = Convert.ToHexString(SHA256.HashData(connection.Client!.RawDataMemory.Span));
            if (!results.TryGetValue(client, out var result))
            {
                await Task.Yield();
                results[client] = result = bundle.Verify(connection.Client, presented: null, CertificatePurpose.ClientAuthentication, time.GetUtcNow());
            }

            // What has merely expired since the handshake is no reason to cut a connection, nor is a revocation list that came late.
            if (result.Refusal is not (TrustRefusal.Untrusted or TrustRefusal.Revoked) || !drain.TryClose(connection, refused))
                continue;
            count++;
            last = result;
        }

        if (last is not null)
            drain.ReportRefused(count, refused, last);
    }
}
