using System.Net;

namespace CertActors.Server;

/// <summary>Does once what the server does later, while there are descriptors: the runtime needs them for libraries and threads that it takes up late.</summary>
internal static class WarmUp
{
    private static readonly TimeSpan TimeLimit = TimeSpan.FromSeconds(5);

    /// <summary>Gets the status over both versions of HTTP. That it fails is no reason not to serve.</summary>
    public static async Task RequestAsync(IPEndPoint endpoint)
    {
        var host = endpoint.Address.Equals(IPAddress.Any) ? IPAddress.Loopback
            : endpoint.Address.Equals(IPAddress.IPv6Any) ? IPAddress.IPv6Loopback
            : endpoint.Address;
        var status = new Uri($"https://{new IPEndPoint(host, endpoint.Port)}/status");
        using var handler = new SocketsHttpHandler { UseProxy = false };
        handler.SslOptions.RemoteCertificateValidationCallback = (_, certificate, _, _) => certificate is not null;
        using var client = new HttpClient(handler) { Timeout = TimeLimit };
        foreach (var version in (Version[])[HttpVersion.Version11, HttpVersion.Version20])
        {
            try
            {
                using var request = new HttpRequestMessage(HttpMethod.Get, status) { Version = version, VersionPolicy = HttpVersionPolicy.RequestVersionExact };
                using var response = await client.SendAsync(request);
            }
            catch (Exception error) when (error is HttpRequestException or TaskCanceledException)
            {
                // A firewall, perhaps.
            }
        }
    }

    /// <summary>
    /// Starts as many threads of the pool as it ever has (<c>ThreadPoolMaxThreads</c> in the project file). A thread takes two descriptors while it
    /// starts, and the runtime ends the process where the pool can't start one.
    /// </summary>
    public static void StartThreads()
    {
        ThreadPool.GetMaxThreads(out var most, out _);
        var started = new CountdownEvent(most);
        for (var i = 0; i < most; i++)
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
