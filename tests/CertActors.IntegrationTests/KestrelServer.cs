using System.Net;
using System.Net.Security;
using System.Net.Sockets;
using System.Security.Cryptography;
using Akka.Actor;
using Akka.Hosting;
using CertActors.AspNetCore;
using CertActors.Hosting;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Hosting.Server;
using Microsoft.AspNetCore.Hosting.Server.Features;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;

namespace CertActors.IntegrationTests;

/// <summary>A real Kestrel with real actors on real files, and a client for it.</summary>
internal sealed class KestrelServer : IAsyncDisposable
{
    private static readonly TimeSpan Generous = TimeSpan.FromSeconds(60);

    private readonly WebApplication _app;

    private KestrelServer(WebApplication app)
    {
        _app = app;
    }

    public CertificateHolder Holder => _app.Services.GetRequiredService<CertificateHolder>();

    public IActorRef Supervisor => _app.Services.GetRequiredService<IRequiredActor<CertificateSupervisor>>().ActorRef;

    public ActorSystem System => _app.Services.GetRequiredService<ActorSystem>();

    /// <summary>One per endpoint, in their order.</summary>
    public IReadOnlyList<IPEndPoint> Endpoints =>
    [
        .. _app.Services.GetRequiredService<IServer>().Features.Get<IServerAddressesFeature>()!.Addresses
            .Select(address => new IPEndPoint(IPAddress.Loopback, new Uri(address).Port)),
    ];

    public static Task<KestrelServer> StartAsync(CertificateOptions pair, params HttpProtocols[] endpoints) => StartAsync(pair, logs: null, endpoints);

    public static Task<KestrelServer> StartAsync(CertificateOptions pair, ILoggerProvider? logs, params HttpProtocols[] endpoints) =>
        StartAsync([pair], new Additions(), isStrict: false, logs, endpoints);

    public static Task<KestrelServer> StartAsync(
        CertificateOptions pair, Additions additions, ILoggerProvider? logs = null, params HttpProtocols[] endpoints) =>
        StartAsync([pair], additions, isStrict: false, logs, endpoints);

    public static Task<KestrelServer> StartAsync(
        CertificateOptions[] pairs, bool isStrict = false, ILoggerProvider? logs = null, params HttpProtocols[] endpoints) =>
        StartAsync(pairs, new Additions(), isStrict, logs, endpoints);

    private static async Task<KestrelServer> StartAsync(
        CertificateOptions[] pairs, Additions additions, bool isStrict, ILoggerProvider? logs, HttpProtocols[] endpoints)
    {
        var builder = WebApplication.CreateSlimBuilder(["--hostBuilder:reloadConfigOnChange=false"]);
        builder.Logging.ClearProviders();
        if (logs is not null)
            builder.Logging.AddProvider(logs);
        builder.Services.AddCertificates(pairs);
        builder.Services.AddAkka("test", akka => akka.WithCertificates());
        additions.Build(builder);
        builder.WebHost.UseKestrelHttpsConfiguration();
        builder.WebHost.ConfigureKestrel(kestrel =>
        {
            foreach (var protocols in endpoints.DefaultIfEmpty(HttpProtocols.Http1AndHttp2))
            {
                kestrel.Listen(IPAddress.Loopback, 0, listen =>
                {
                    listen.Protocols = protocols;
                    if (isStrict)
                        listen.UseCertificates(options => options.StrictNames = true);
                    else
                        listen.UseCertificates();
                    additions.Listen(listen);
                });
            }
        });
        var app = builder.Build();
        app.MapGet("/", () => "hello");
        additions.Map(app);
        await app.StartAsync();
        return new KestrelServer(app);
    }

    public Task StopAsync() => _app.StopAsync();

    /// <summary>A full handshake. A resumed session would report the certificate of the original session.</summary>
    public async Task<SslStream> ConnectAsync(int endpoint = 0, string name = "localhost", params SslApplicationProtocol[] protocols)
    {
        using var limit = new CancellationTokenSource(Generous);
        var client = new TcpClient();
        SslStream? tls = null;
        try
        {
            await client.ConnectAsync(Endpoints[endpoint], limit.Token);
            tls = new SslStream(client.GetStream());
            var options = new SslClientAuthenticationOptions
            {
                TargetHost = name,
                AllowTlsResume = false,
                ApplicationProtocols = protocols.Length == 0 ? null : [.. protocols],
                RemoteCertificateValidationCallback = (_, certificate, _, _) => certificate is not null,
            };
            await tls.AuthenticateAsClientAsync(options, limit.Token);
            return tls;
        }
        catch
        {
            tls?.Dispose();
            client.Dispose();
            throw;
        }
    }

    /// <summary>The SHA-256 of the leaf that a new connection gets.</summary>
    public async Task<string> ServedAsync(string name = "localhost")
    {
        await using var tls = await ConnectAsync(name: name);
        return LeafOf(tls);
    }

    public static string LeafOf(SslStream tls) => Convert.ToHexStringLower(SHA256.HashData(tls.RemoteCertificate!.GetRawCertData()));

    public async ValueTask DisposeAsync()
    {
        await _app.StopAsync();
        await _app.DisposeAsync();
    }

    /// <summary>What a test adds to the server.</summary>
    public sealed record Additions
    {
        public Action<WebApplicationBuilder> Build { get; init; } = _ => { };

        /// <summary>For each endpoint, once it serves certificates.</summary>
        public Action<ListenOptions> Listen { get; init; } = _ => { };

        public Action<WebApplication> Map { get; init; } = _ => { };
    }
}
