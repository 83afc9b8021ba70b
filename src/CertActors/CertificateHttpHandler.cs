using System.Net;
using System.Net.Security;
using System.Security.Cryptography.X509Certificates;
using CertActors.Clients;

namespace CertActors;

/// <summary>
/// Sends HTTP requests over connections that are opened with the current certificate of a pair and the current trust bundle. After a swap of either,
/// new requests use new connections; requests in flight finish on their connection, which is closed then. No request fails because of a rotation.
/// </summary>
/// <remarks>
/// <para>
/// It is a <see cref="SocketsHttpHandler"/> for each generation. A swap is noticed by the next request, and closes idle connections at once. Connections
/// whose request still waits for a response delay that of the idle ones: these are closed with it, or by
/// <see cref="SocketsHttpHandler.PooledConnectionIdleTimeout"/>.
/// </para>
/// <para>
/// A response that is being read, a stream of HTTP/2 (gRPC) and an upgraded connection (WebSocket) end as they would without a rotation, on the old
/// connection. A response that is neither read nor disposed keeps its connection open until it is collected, as with <see cref="SocketsHttpHandler"/>.
/// Cookies are kept across rotations.
/// </para>
/// <para>
/// TLS sessions are resumed within a generation. When a server is refused, its handshake is repeated once without, and no session is resumed until the
/// next swap: the certificate may be that of an old session.
/// </para>
/// <para>
/// It may be used by any number of threads and clients. Dispose it (a client does by default): idle connections are closed at once, others when their
/// requests have ended.
/// </para>
/// </remarks>
/// <example>
/// Alone, with <c>IHttpClientFactory</c>, and with gRPC (<c>Grpc.Net.Client</c>):
/// <code>
/// var client = new HttpClient(new CertificateHttpHandler(holder, pair: "client", bundle: "servers"));
///
/// services.AddHttpClient("orders").ConfigurePrimaryHttpMessageHandler(provider =>
///     new CertificateHttpHandler(provider.GetRequiredService&lt;CertificateHolder&gt;(), pair: "client", bundle: "servers"));
///
/// var channel = GrpcChannel.ForAddress("https://orders.example.com", new GrpcChannelOptions
/// {
///     HttpHandler = new CertificateHttpHandler(holder, pair: "client", bundle: "servers"),
///     DisposeHttpClient = true,
/// });
/// </code>
/// </example>
public sealed class CertificateHttpHandler : HttpMessageHandler
{
    private readonly CertificateHolder _holder;
    private readonly string? _pair;
    private readonly string? _bundle;
    private readonly Action<SocketsHttpHandler>? _configure;
    private readonly CookieContainer _cookies = new();
    private HttpGeneration? _current;
    private volatile bool _isDisposed;

    /// <summary>Creates a handler. It opens its first connection at the first request, for which the pair and the bundle must be loaded.</summary>
    /// <param name="holder">Where the certificate and the trust bundle are taken from.</param>
    /// <param name="pair">The pair (<see cref="CertificateOptions.Name"/>) whose certificate is sent with its intermediates; null for none.</param>
    /// <param name="bundle">
    /// The trust bundle (<see cref="TrustBundleOptions.Name"/>) that servers are verified against; null for the trust of the system.
    /// </param>
    /// <param name="configure">
    /// Configures the handler of each generation: proxy, time limits, pooling, protocols and so on; null for the defaults of .NET. It is called now, to
    /// check what it does, and after each swap, by several threads at once if requests come at once. It must not set what this class sets in
    /// <see cref="SocketsHttpHandler.SslOptions"/>: the client's certificate, its selection, and the validation of the server. A
    /// <see cref="SocketsHttpHandler.ConnectCallback"/> must not return an <see cref="SslStream"/>, which would be used in the place of one with this
    /// certificate and trust.
    /// </param>
    /// <exception cref="ArgumentException"><paramref name="configure"/> sets what it must not.</exception>
    public CertificateHttpHandler(CertificateHolder holder, string? pair = null, string? bundle = null, Action<SocketsHttpHandler>? configure = null)
    {
        ArgumentNullException.ThrowIfNull(holder);
        _holder = holder;
        _pair = pair;
        _bundle = bundle;
        _configure = configure;
        MakeHandler().Dispose();
    }

    /// <inheritdoc/>
    /// <exception cref="HttpRequestException">
    /// As of <see cref="SocketsHttpHandler"/>; and if the pair or the bundle is not loaded, with a <see cref="CertificateNotLoadedException"/>.
    /// </exception>
    protected override Task<HttpResponseMessage> SendAsync(HttpRequestMessage request, CancellationToken cancellationToken) =>
        SendAsync(request, isAsync: true, cancellationToken);

    /// <inheritdoc cref="SendAsync(HttpRequestMessage, CancellationToken)"/>
    protected override HttpResponseMessage Send(HttpRequestMessage request, CancellationToken cancellationToken) =>
        SendAsync(request, isAsync: false, cancellationToken).GetAwaiter().GetResult();

    /// <inheritdoc/>
    protected override void Dispose(bool disposing)
    {
        if (disposing)
        {
            _isDisposed = true;
            Interlocked.Exchange(ref _current, null)?.Retire();
        }

        base.Dispose(disposing);
    }

    /// <summary>Sends a request; completed when it returns, if it is not asynchronous.</summary>
    private async Task<HttpResponseMessage> SendAsync(HttpRequestMessage request, bool isAsync, CancellationToken cancellationToken)
    {
        while (true)
        {
            var generation = Enter();
            try
            {
                return isAsync
                    ? await generation.Connections.SendAsync(request, cancellationToken).ConfigureAwait(false)
                    : generation.Connections.Send(request, cancellationToken);
            }
            catch (HttpRequestException failure) when (MayBeOfOldSession(failure, generation))
            {
                StopResuming(generation);
            }
            finally
            {
                generation.Exit();
            }
        }
    }

    // The certificate of a resumed session is that of its first handshake, and some servers (Go's crypto/tls) resume sessions of a certificate that they
    // have replaced. The refused handshake comes before the request is sent, which may therefore be sent again.
    private static bool MayBeOfOldSession(HttpRequestException failure, HttpGeneration generation) =>
        generation.ResumesSessions && failure.InnerException is ServerRefusedException;

    private HttpGeneration Enter()
    {
        while (true)
        {
            ObjectDisposedException.ThrowIf(_isDisposed, this);
            if (Volatile.Read(ref _current) is not { } generation)
                Replace(null, Open(TakeSnapshot(), mayResume: true));
            else if (!generation.Snapshot.IsCurrent)
                Retire(generation);
            else if (generation.TryEnter())
                return generation;
        }
    }

    private void StopResuming(HttpGeneration generation) => Replace(generation, Open(generation.Snapshot, mayResume: false));

    private void Replace(HttpGeneration? last, HttpGeneration next)
    {
        if (Interlocked.CompareExchange(ref _current, next, last) != last)
        {
            next.Retire();
            return;
        }

        last?.Retire();
        next.OnSuperseded(Retire);
        if (_isDisposed)
            Retire(next);
    }

    private void Retire(HttpGeneration generation)
    {
        Interlocked.CompareExchange(ref _current, null, generation);
        generation.Retire();
    }

    private ClientSnapshot TakeSnapshot()
    {
        try
        {
            return ClientSnapshot.Take(_holder, _pair, _bundle);
        }
        catch (CertificateNotLoadedException reason)
        {
            throw new HttpRequestException(HttpRequestError.SecureConnectionError, reason.Message, reason);
        }
    }

    private HttpGeneration Open(ClientSnapshot snapshot, bool mayResume)
    {
        var handler = MakeHandler();
        snapshot.Apply(handler.SslOptions);
        handler.SslOptions.AllowTlsResume &= mayResume;
        return new HttpGeneration(snapshot, handler.SslOptions.AllowTlsResume, new HttpMessageInvoker(handler));
    }

    private SocketsHttpHandler MakeHandler()
    {
        var handler = new SocketsHttpHandler { CookieContainer = _cookies };
        _configure?.Invoke(handler);
        var options = handler.SslOptions;
        foreach (var (name, isSet) in ((string, bool)[])[
            (nameof(options.ClientCertificates), options.ClientCertificates is { Count: > 0 }),
            (nameof(options.ClientCertificateContext), options.ClientCertificateContext is not null),
            (nameof(options.LocalCertificateSelectionCallback), options.LocalCertificateSelectionCallback is not null),
            (nameof(options.RemoteCertificateValidationCallback), options.RemoteCertificateValidationCallback is not null),
            (nameof(options.CertificateChainPolicy), options.CertificateChainPolicy is not null),
            (nameof(options.CertificateRevocationCheckMode), options.CertificateRevocationCheckMode != X509RevocationMode.NoCheck)])
        {
            if (isSet)
            {
                handler.Dispose();
                throw new ArgumentException(
                    $"{nameof(SocketsHttpHandler.SslOptions)}.{name} must not be set: the certificate comes from the pair, and the trust from the bundle. " +
                    $"The {nameof(SocketsHttpHandler)} and its options must be new ones at each call, too.",
                    "configure");
            }
        }

        return handler;
    }
}
