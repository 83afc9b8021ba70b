using System.Collections.Concurrent;
using System.Globalization;
using System.Net;
using System.Net.Security;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using CertActors.Tests.Support;
using Grpc.Core;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Connections.Features;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Hosting.Server;
using Microsoft.AspNetCore.Hosting.Server.Features;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Server.Kestrel.Https;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;

namespace CertActors.IntegrationTests;

/// <summary>A Kestrel without this library. It requires certificates of one root from its clients, and reports what it sees of them.</summary>
internal sealed class MutualTlsServer : IAsyncDisposable
{
    private readonly WebApplication _app;
    private readonly Shared _shared;

    private MutualTlsServer(WebApplication app, Shared shared)
    {
        _app = app;
        _shared = shared;
    }

    public int Port => new Uri(_app.Services.GetRequiredService<IServer>().Features.Get<IServerAddressesFeature>()!.Addresses.First()).Port;

    public Uri Address => new($"https://localhost:{Port}");

    /// <summary>What the handshakes have shown, in their order.</summary>
    public IReadOnlyList<ClientSeen> Handshakes => [.. _shared.Handshakes];

    /// <summary>How many connections there have been.</summary>
    public int Connections => Volatile.Read(ref _shared.Connections);

    /// <summary>The identifiers of the open connections.</summary>
    public IReadOnlyCollection<string> OpenConnections => [.. _shared.Open.Keys];

    /// <summary>The requests that wait for <see cref="Release"/>.</summary>
    public int Waiting => Volatile.Read(ref _shared.Waiting);

    /// <param name="clientRoot">What clients must lead to.</param>
    /// <param name="certificate">The server's own certificate.</param>
    /// <param name="isLenient">
    /// Whether clients are accepted whose chain is incomplete, and sessions are resumed: a resumed session shows the leaf alone.
    /// </param>
    public static async Task<MutualTlsServer> StartAsync(TestAuthority clientRoot, TestPair certificate, bool isLenient = false)
    {
        var shared = new Shared { Certificate = ContextOf(certificate) };
        var root = X509Certificate2.CreateFromPem(clientRoot.CertificatePem);
        var builder = WebApplication.CreateSlimBuilder(["--hostBuilder:reloadConfigOnChange=false"]);
        builder.Logging.ClearProviders();
        builder.Services.AddGrpc();
        builder.WebHost.UseKestrelHttpsConfiguration();
        builder.WebHost.ConfigureKestrel(kestrel => kestrel.Listen(IPAddress.Loopback, 0, listen =>
        {
            listen.Use(next => async connection =>
            {
                Interlocked.Increment(ref shared.Connections);
                shared.Open[connection.ConnectionId] = true;
                await next(connection);
                shared.Open.TryRemove(connection.ConnectionId, out _);
            });
            listen.UseHttps(new TlsHandshakeCallbackOptions
            {
                OnConnection = context => ValueTask.FromResult(new SslServerAuthenticationOptions
                {
                    ServerCertificateContext = shared.Certificate,
                    ClientCertificateRequired = true,
                    AllowTlsResume = isLenient,
                    RemoteCertificateValidationCallback = (_, certificate, chain, _) =>
                    {
                        var seen = ClientSeen.Of(certificate, chain, root);
                        shared.Handshakes.Enqueue(seen);
                        context.Connection.Items[nameof(ClientSeen)] = seen;
                        return seen.IsComplete || isLenient;
                    },
                }),
            });
        }));
        var app = builder.Build();
        app.UseWebSockets();
        app.MapGet("/who", Who);
        app.MapPost("/who", Who);
        app.MapGet("/visits", Visits);
        app.MapGet("/held", async (HttpContext context) =>
        {
            await shared.WaitAsync(context.RequestAborted);
            return Who(context);
        });
        app.MapGet("/long", async context =>
        {
            await context.Response.WriteAsync($"{Who(context)}\n");
            await context.Response.Body.FlushAsync();
            await shared.WaitAsync(context.RequestAborted);
            await context.Response.WriteAsync("the end");
        });
        app.Map("/socket", async context =>
        {
            using var socket = await context.WebSockets.AcceptWebSocketAsync();
            var buffer = new byte[64];
            while (await socket.ReceiveAsync(buffer, context.RequestAborted) is { CloseStatus: null } received)
                await socket.SendAsync(buffer.AsMemory(0, received.Count), received.MessageType, endOfMessage: true, context.RequestAborted);
            await socket.CloseAsync(System.Net.WebSockets.WebSocketCloseStatus.NormalClosure, null, context.RequestAborted);
        });
        app.MapGrpcService<EchoingTicker>();
        await app.StartAsync();
        return new MutualTlsServer(app, shared);
    }

    /// <summary>Replaces the server's own certificate, for new handshakes.</summary>
    public void Use(TestPair certificate) => _shared.Certificate = ContextOf(certificate);

    /// <summary>Lets all requests end that wait now, or will.</summary>
    public void Release() => _shared.Released.TrySetResult();

    public async ValueTask DisposeAsync()
    {
        Release();
        await _app.StopAsync(new CancellationToken(canceled: true)); // Connections that a test has left open are cut.
        await _app.DisposeAsync();
    }

    /// <summary>The client's leaf and the connection.</summary>
    private static string Who(HttpContext context) =>
        $"{Seen(context)?.Sha256} {context.Connection.Id} {context.Request.Protocol}";

    private static string Visits(HttpContext context)
    {
        var visits = int.Parse(context.Request.Cookies["visits"] ?? "0", CultureInfo.InvariantCulture) + 1;
        context.Response.Cookies.Append("visits", $"{visits}");
        return $"{visits}";
    }

    private static ClientSeen? Seen(HttpContext context) =>
        context.Features.Get<IConnectionItemsFeature>()!.Items[nameof(ClientSeen)] as ClientSeen;

    private static SslStreamCertificateContext ContextOf(TestPair pair) =>
        SslStreamCertificateContext.Create(X509Certificate2.CreateFromPem(pair.CertificatePem, pair.KeyPem), additionalCertificates: null, offline: true);

    private sealed class Shared
    {
        public int Connections;
        public int Waiting;

        public ConcurrentQueue<ClientSeen> Handshakes { get; } = new();

        public ConcurrentDictionary<string, bool> Open { get; } = new();

        public TaskCompletionSource Released { get; } = new(TaskCreationOptions.RunContinuationsAsynchronously);

        public required SslStreamCertificateContext Certificate { get; set; }

        public async Task WaitAsync(CancellationToken cancellationToken)
        {
            Interlocked.Increment(ref Waiting);
            await Released.Task.WaitAsync(cancellationToken);
        }
    }

    private sealed class EchoingTicker : Ticker.TickerBase
    {
        public override async Task Echo(IAsyncStreamReader<Tick> requestStream, IServerStreamWriter<Tick> responseStream, ServerCallContext context)
        {
            await context.WriteResponseHeadersAsync(new Metadata { { "who", Who(context.GetHttpContext()) } });
            await foreach (var tick in requestStream.ReadAllAsync())
                await responseStream.WriteAsync(tick);
        }
    }
}

/// <summary>What a server sees of a client in a handshake.</summary>
/// <param name="Sha256">The SHA-256 of the leaf; null if none was sent.</param>
/// <param name="Intermediates">How many certificates came with it.</param>
/// <param name="IsComplete">Whether they lead to the root, which alone is known.</param>
internal sealed record ClientSeen(string? Sha256, int Intermediates, bool IsComplete)
{
    public static ClientSeen Of(X509Certificate? certificate, X509Chain? presented, X509Certificate2 root)
    {
        if (certificate is not X509Certificate2 leaf || presented is null)
            return new ClientSeen(Sha256: null, Intermediates: 0, IsComplete: false);
        using var chain = new X509Chain
        {
            ChainPolicy =
            {
                TrustMode = X509ChainTrustMode.CustomRootTrust,
                RevocationMode = X509RevocationMode.NoCheck,
                DisableCertificateDownloads = true,
            },
        };
        chain.ChainPolicy.CustomTrustStore.Add(root);
        chain.ChainPolicy.ExtraStore.AddRange(presented.ChainPolicy.ExtraStore);
        var others = presented.ChainPolicy.ExtraStore.Count(sent => !sent.RawDataMemory.Span.SequenceEqual(leaf.RawDataMemory.Span));
        return new ClientSeen(Convert.ToHexStringLower(SHA256.HashData(leaf.RawData)), others, chain.Build(leaf));
    }
}
