using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;

namespace CertActors.AspNetCore;

/// <summary>Verifies the clients of open connections again, once the trust bundle is swapped that they were verified against.</summary>
/// <remarks>
/// One client after the other is verified on the thread pool, each as a work item of its own, so that handshakes come between. A bundle that is swapped
/// meanwhile is followed by a further pass.
/// </remarks>
internal sealed class ClientChecks(CertificateDrain drain, CertificateHolder holder, TimeProvider time)
{
    private static readonly TrustResult Removed = new() { Refusal = TrustRefusal.Untrusted, Message = "The trust bundle was removed." };

    private static readonly TrustResult Unreadable = new() { Refusal = TrustRefusal.Malformed, Message = "The certificate cannot be read any more." };

    private readonly Lock _lock = new();
    private readonly Dictionary<string, TrustBundle> _followed = new(StringComparer.Ordinal);
    private readonly HashSet<string> _pending = new(StringComparer.Ordinal);
    private bool _isRunning;

    /// <summary>Follows the trust bundle from now on that a new connection was verified against.</summary>
    /// <param name="name">The bundle's name.</param>
    /// <param name="generation">The generation that has verified the client.</param>
    public void Follow(string name, long generation)
    {
        // Whether it was swapped, or removed and added again, between the handshake and the addition of the connection.
        var served = holder.GetTrustBundle(name);
        if (served is null || Follow(served) || served.Generation != generation)
            Check(name);
    }

    /// <returns>Whether another bundle of that name was followed until now.</returns>
    private bool Follow(TrustBundle served)
    {
        lock (_lock)
        {
            var last = _followed.GetValueOrDefault(served.Name);
            if (last == served)
                return false;
            _followed[served.Name] = served;
            served.Superseded.UnsafeRegister(_ => Check(served.Name), state: null);
            return last is not null;
        }
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

        Run();
    }

    private void Run() => ThreadPool.UnsafeQueueUserWorkItem(static checks => _ = checks.RunAsync(), this, preferLocal: false);

    private async Task RunAsync()
    {
        try
        {
            while (Next() is { } name)
                await CheckAsync(name, holder.GetTrustBundle(name)).ConfigureAwait(false);
        }
        catch (Exception fault)
        {
            drain.ReportCheckFailed(fault);
            Run();
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

    /// <param name="name">The name of the bundle.</param>
    /// <param name="bundle">What is served; null if the bundle was removed, and so trusts nobody.</param>
    private async Task CheckAsync(string name, TrustBundle? bundle)
    {
        if (bundle is not null)
            Follow(bundle);

        // A client with many connections is verified once.
        var results = new Dictionary<string, TrustResult>(StringComparer.Ordinal);
        var refused = drain.DrainOf(name, bundle?.Generation ?? 0);
        var (count, last) = (0, (TrustResult?)null);
        foreach (var connection in drain.ClientsOf(name))
        {
            TrustResult? result;
            try
            {
                var client = Convert.ToHexString(SHA256.HashData(connection.Client!.RawDataMemory.Span));
                if (!results.TryGetValue(client, out result))
                {
                    await Task.Yield();
                    results[client] = result = bundle is null ? Removed : Verify(connection.Client, bundle);
                }
            }
            catch (CryptographicException)
            {
                result = Unreadable;
            }

            // What has merely expired since the handshake is no reason to cut a connection, nor is a revocation list that came late.
            if (result.Refusal is null or TrustRefusal.Expired or TrustRefusal.NotYetValid or TrustRefusal.StaleRevocationList || !drain.TryClose(connection, refused))
                continue;
            count++;
            last = result;
        }

        if (last is not null)
            drain.ReportRefused(count, refused, last);
    }

    // Within its validity, as one that has expired may have been revoked, too.
    private TrustResult Verify(X509Certificate2 client, TrustBundle bundle)
    {
        var (now, last) = (time.GetUtcNow(), new DateTimeOffset(client.NotAfter).AddSeconds(-1));
        return bundle.Verify(client, presented: null, CertificatePurpose.ClientAuthentication, now < last ? now : last);
    }
}
