using System.Net;

namespace CertActors.Server;

/// <summary>
/// Does once what the server does later, while descriptors are available: the runtime needs them for libraries that it loads, and threads that it
/// starts, at their first use.
/// </summary>
internal static class WarmUp
{
    private static readonly TimeSpan TimeLimit = TimeSpan.FromSeconds(5);

    /// <summary>Requests the status over HTTP/1.1 and the metrics over HTTP/2. A failure is ignored.</summary>
    /// <exception cref="OperationCanceledException">The token was cancelled.</exception>
    public static async Task RequestAsync(IPEndPoint endpoint, CancellationToken ended)
    {
        var host = endpoint.Address.Equals(IPAddress.Any) ? IPAddress.Loopback
            : endpoint.Address.Equals(IPAddress.IPv6Any) ? IPAddress.IPv6Loopback
            : endpoint.Address;
        var server = new Uri($"https://{new IPEndPoint(host, endpoint.Port)}");
        using var handler = new SocketsHttpHandler { UseProxy = false };
        handler.SslOptions.RemoteCertificateValidationCallback = (_, certificate, _, _) => certificate is not null;
        using var client = new HttpClient(handler) { Timeout = TimeLimit };
        foreach (var (path, version) in ((string, Version)[])[("status", HttpVersion.Version11), ("metrics", HttpVersion.Version20)])
        {
            try
            {
                using var request = new HttpRequestMessage(HttpMethod.Get, new Uri(server, path)) { Version = version, VersionPolicy = HttpVersionPolicy.RequestVersionExact };
                using var response = await client.SendAsync(request, ended);
            }
            catch (Exception error) when (error is HttpRequestException or TaskCanceledException && !ended.IsCancellationRequested)
            {
                // A firewall may block the server's own address.
            }
        }
    }

    /// <summary>
    /// Starts all threads of the pool (<c>ThreadPoolMaxThreads</c> in the project file). A thread needs two descriptors while it starts, and the
    /// runtime ends the process when the pool cannot start one.
    /// </summary>
    public static void StartThreads()
    {
        ThreadPool.GetMaxThreads(out var max, out _);
        var started = new CountdownEvent(max);
        for (var i = 0; i < max; i++)
        {
            ThreadPool.UnsafeQueueUserWorkItem(
                static started =>
                {
                    started.Signal();
                    started.Wait(TimeLimit);
                },
                started,
                preferLocal: false);
        }

        started.Wait(TimeLimit);
    }
}
