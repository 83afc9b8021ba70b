using System.Net;
using System.Net.Security;
using System.Net.Sockets;
using System.Security.Authentication;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using System.Text;
using Akka.Actor;
using Akka.Hosting;
using CertActors.AspNetCore;
using CertActors.Hosting;
using CertActors.Tests.Support;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Hosting.Server;
using Microsoft.AspNetCore.Hosting.Server.Features;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;

namespace CertActors.IntegrationTests;

/// <summary>A Kestrel endpoint that verifies its clients against a trust bundle, over real TLS.</summary>
public abstract class MutualTlsKit : IAsyncDisposable
{
    private protected static readonly TimeSpan Generous = TimeSpan.FromSeconds(60);

    /// <summary>What <see cref="Serve"/> sends back.</summary>
    private protected const string EchoRequest = "echo";

    private protected const string GetRequest = "GET / HTTP/1.0\r\nHost: localhost\r\n\r\n";

    private readonly DirectoryInfo _root = Directory.CreateTempSubdirectory("certactors-test-");
    private readonly List<IDisposable> _open = [];
    private WebApplication? _app;
    private int _requests;

    private protected TestAuthority Trusted { get; } = Authority("authority");

    private protected TestAuthority Other { get; } = Authority("other");

    /// <summary>How many requests to <c>/echo</c> have begun.</summary>
    private protected int Requests => Volatile.Read(ref _requests);

    private protected CollectedLogs Log { get; } = new();

    private protected string CertPath => Path.Combine(_root.FullName, "tls.crt");

    private protected string KeyPath => Path.Combine(_root.FullName, "tls.key");

    private protected string BundlePath => Path.Combine(_root.FullName, "ca.pem");

    private protected string SocketPath => Path.Combine(_root.FullName, "socket");

    private protected string ListPath => Path.Combine(_root.FullName, "ca.crl");

    private protected IConfigurationRoot? KestrelConfiguration { get; private set; }

    private protected IServiceProvider Services => _app!.Services;

    private protected CertificateHolder Holder => Services.GetRequiredService<CertificateHolder>();

    private protected IActorRef Supervisor => Services.GetRequiredService<IRequiredActor<CertificateSupervisor>>().ActorRef;

    private protected IPEndPoint Endpoint => Assert.Single(Endpoints);

    /// <summary>In the order in which Kestrel was given them.</summary>
    private protected IPEndPoint[] Endpoints =>
        [.. Services.GetRequiredService<IServer>().Features.Get<IServerAddressesFeature>()!.Addresses.Select(address => new IPEndPoint(IPAddress.Loopback, new Uri(address).Port))];

    public async ValueTask DisposeAsync()
    {
        await StopAsync();
        _open.ForEach(kept => kept.Dispose());
        _root.Delete(recursive: true);
        GC.SuppressFinalize(this);
    }

    private async Task StopAsync()
    {
        if (_app is null)
            return;
        await _app.StopAsync(new CancellationToken(canceled: true)); // Connections that a test has left open are cut.
        await _app.DisposeAsync();
        _app = null;
    }

    private static TestAuthority Authority(string name) => new(name, notBefore: DateTimeOffset.UtcNow.AddDays(-1), notAfter: DateTimeOffset.UtcNow.AddDays(9));

    private protected TestAuthority Intermediate(string name) => new(name, Trusted, DateTimeOffset.UtcNow.AddDays(-1), DateTimeOffset.UtcNow.AddDays(8));

    private protected static TestPair ClientPair(TestAuthority issuer, DateTimeOffset? notAfter = null) => new TestLeaf
    {
        Issuer = issuer,
        Subject = new X500DistinguishedName("CN=client"),
        NotBefore = DateTimeOffset.UtcNow.AddHours(-1),
        NotAfter = notAfter ?? DateTimeOffset.UtcNow.AddDays(1),
    }.Make();

    private protected static SslStreamCertificateContext Client(TestAuthority issuer, params TestAuthority[] intermediates) =>
        Context(ClientPair(issuer), intermediates);

    private protected static SslStreamCertificateContext Context(TestPair pair, params TestAuthority[] intermediates) => SslStreamCertificateContext.Create(
        X509Certificate2.CreateFromPem(pair.CertificatePem, pair.KeyPem),
        [.. intermediates.Select(intermediate => X509Certificate2.CreateFromPem(intermediate.CertificatePem))],
        offline: true);

    /// <summary>
    /// Keeps a connection open, by another host name, so that the client's sessions with what is served now stay: see <see cref="SessionTests"/>.
    /// </summary>
    private protected async Task KeepSessionsAsync(EndPoint endpoint, SslStreamCertificateContext client, SslProtocols version)
    {
        var connection = new Socket(endpoint.AddressFamily, SocketType.Stream, ProtocolType.Unspecified);
        _open.Add(connection);
        await connection.ConnectAsync(endpoint);
        var tls = new SslStream(new NetworkStream(connection));
        _open.Add(tls);
        await tls.AuthenticateAsClientAsync(new SslClientAuthenticationOptions
        {
            TargetHost = "kept.example",
            ClientCertificateContext = client,
            EnabledSslProtocols = version,
            RemoteCertificateValidationCallback = (_, certificate, _, _) => certificate is not null,
        }).WaitAsync(Generous);
    }

    /// <summary>Opens a connection that lasts.</summary>
    private protected async Task<Http1Client> ConnectAsync(SslStreamCertificateContext client)
    {
        var connection = new TcpClient();
        await connection.ConnectAsync(Endpoint);
        var tls = new SslStream(connection.GetStream());
        await tls.AuthenticateAsClientAsync(new SslClientAuthenticationOptions
        {
            TargetHost = "localhost",
            ClientCertificateContext = client,
            RemoteCertificateValidationCallback = (_, certificate, _, _) => certificate is not null,
        }).WaitAsync(Generous);
        var opened = new Http1Client(tls);

        // With TLS 1.3, the handshake of a client ends before the server has verified it.
        Assert.StartsWith("HTTP/1.1 200", await opened.GetAsync(), StringComparison.Ordinal);
        return opened;
    }

    private protected static void Require(CertificateEndpointOptions options) =>
        (options.ClientCertificates, options.TrustBundle) = (ClientCertificates.Require, "clients");

    private protected byte[] List(int number, params byte[][] serials) => new TestRevocationList
    {
        Issuer = Trusted,
        Number = number,
        ThisUpdate = DateTimeOffset.UtcNow.AddMinutes(number - 10),
        NextUpdate = DateTimeOffset.UtcNow.AddDays(1),
        Serials = serials,
    }.Make();

    /// <param name="configure">Sets the options of the endpoint.</param>
    /// <param name="kestrel">Sets those of Kestrel before.</param>
    /// <param name="listen">What the endpoint does besides.</param>
    /// <param name="waitForBundle">Whether the bundle must be loaded when it returns.</param>
    /// <param name="endpoint">
    /// What Kestrel's configuration says of the endpoint, and with whole keys (<c>Endpoints:NAME:…</c>) of more; nothing if no endpoint is in the configuration.
    /// </param>
    private protected async Task StartAsync(
        Action<CertificateEndpointOptions> configure,
        Action<KestrelServerOptions>? kestrel = null,
        Action<ListenOptions>? listen = null,
        bool waitForBundle = true,
        params (string Key, string Value)[] endpoint)
    {
        await StopAsync();
        WritePair();
        if (!File.Exists(BundlePath))
            File.WriteAllText(BundlePath, Trusted.CertificatePem);
        File.WriteAllBytes(ListPath, List(1));

        var builder = WebApplication.CreateSlimBuilder(["--hostBuilder:reloadConfigOnChange=false"]);
        builder.Logging.ClearProviders();
        builder.Logging.AddProvider(Log);
        builder.Services.AddCertificates(new CertificatesOptions
        {
            Certificates = [new CertificateOptions { CertificatePath = CertPath, KeyPath = KeyPath }],
            TrustBundles = [new TrustBundleOptions { Name = "clients", CertificatePaths = [BundlePath], RevocationListPaths = [ListPath] }],
        });
        builder.Services.AddAkka("test", akka => akka.WithCertificates());
        builder.WebHost.UseKestrelHttpsConfiguration();
        builder.WebHost.ConfigureKestrel(options =>
        {
            kestrel?.Invoke(options);
            if (endpoint.Length == 0)
                options.Listen(IPAddress.Loopback, 0, Use);
            else
                UseConfigured(options, KestrelConfiguration = Configuration(endpoint));
        });
        _app = builder.Build();
        _app.MapGet("/", (HttpContext context) => context.Connection.ClientCertificate?.Subject ?? "nobody");
        _app.MapPost("/echo", async (HttpContext context) =>
        {
            Interlocked.Increment(ref _requests);
            using var body = new StreamReader(context.Request.Body);
            return await body.ReadToEndAsync();
        });
        await _app.StartAsync().WaitAsync(Generous);
        await Holder.WaitForFirstAsync(Generous);
        if (waitForBundle)
            await Wait.UntilAsync(() => Holder.GetTrustBundle("clients") is not null);

        void UseConfigured(KestrelServerOptions options, IConfiguration configuration)
        {
            var loader = options.Configure(configuration, reloadOnChange: true);
            foreach (var configured in configuration.GetSection("Endpoints").GetChildren())
                loader.Endpoint(configured.Key, api => Use(api.ListenOptions));
        }

        void Use(ListenOptions options)
        {
            options.UseCertificates(configure);
            listen?.Invoke(options);
        }
    }

    private static IConfigurationRoot Configuration((string Key, string Value)[] endpoint) => new ConfigurationBuilder()
        .AddInMemoryCollection(endpoint.Select(setting =>
            KeyValuePair.Create(setting.Key.StartsWith("Endpoint", StringComparison.Ordinal) ? setting.Key : $"Endpoints:Api:{setting.Key}", (string?)setting.Value)))
        .Build();

    /// <summary>Serves by SslStream, in actors.</summary>
    private protected EndPoint Serve(CertificateServerOptions server)
    {
        var listener = EchoServer.Start(Services.GetRequiredService<ActorSystem>(), Holder.ServerOptionsCallback(server));
        _open.Add(listener);
        return listener.LocalEndpoint;
    }

    private TestPair WritePair()
    {
        var pair = TestPair.Make();
        File.WriteAllText(CertPath, pair.CertificatePem);
        File.WriteAllText(KeyPath, pair.KeyPem);
        return pair;
    }

    /// <returns>What is served when it returns.</returns>
    private protected async Task<TestPair> SwapPairAsync()
    {
        var next = WritePair();
        await Wait.UntilAsync(() => Holder.Current!.Facts.Sha256 == next.Sha256);
        return next;
    }

    private protected async Task SwapAsync(string path, string content) => await SwapAsync(path, Encoding.ASCII.GetBytes(content));

    private protected async Task SwapAsync(string path, byte[] content)
    {
        var before = Holder.GetTrustBundle("clients")!.Generation;
        if (path == BundlePath) // The list of an authority that is removed would be signed by nobody.
            await File.WriteAllBytesAsync(ListPath, new TestRevocationList { Issuer = Other, NextUpdate = DateTimeOffset.UtcNow.AddDays(1) }.Make());
        await File.WriteAllBytesAsync(path, content);
        await Wait.UntilAsync(() => Holder.GetTrustBundle("clients")!.Generation > before);
    }

    private protected async Task<TrustBundleStatus> StatusAsync() =>
        Assert.Single((await Supervisor.Ask<CertificateSupervisorStatus>(GetStatus.Instance, Generous)).TrustBundles);

    /// <returns>Whom the server sees; null if it refuses the client.</returns>
    private protected Task<string?> GetAsync(SslStreamCertificateContext? client, SslProtocols version = SslProtocols.None) => GetAsync(Endpoint, client, version);

    /// <inheritdoc cref="GetAsync(SslStreamCertificateContext?, SslProtocols)"/>
    private protected static async Task<string?> GetAsync(EndPoint endpoint, SslStreamCertificateContext? client, SslProtocols version) =>
        (await ExchangeAsync(endpoint, client, version, GetRequest)).Answer?.Split("\r\n\r\n")[1];

    /// <summary>One connection, with one request.</summary>
    private protected static async Task<Exchange> ExchangeAsync(EndPoint endpoint, SslStreamCertificateContext? client, SslProtocols version, string request)
    {
        using var connection = new Socket(endpoint.AddressFamily, SocketType.Stream, ProtocolType.Unspecified);
        await connection.ConnectAsync(endpoint);
        var handshake = new HandshakeRecorder(new NetworkStream(connection));
        await using var tls = new SslStream(handshake);
        string? leaf = null;
        try
        {
            await tls.AuthenticateAsClientAsync(new SslClientAuthenticationOptions
            {
                TargetHost = "localhost",
                ClientCertificateContext = client,
                EnabledSslProtocols = version,
                RemoteCertificateValidationCallback = (_, certificate, _, _) =>
                {
                    leaf = certificate?.GetCertHashString(HashAlgorithmName.SHA256).ToLowerInvariant();
                    return certificate is not null;
                },
            }).WaitAsync(Generous);
            await tls.WriteAsync(Encoding.ASCII.GetBytes(request)).AsTask().WaitAsync(Generous);
            if (request == EchoRequest)
                await tls.ShutdownAsync().WaitAsync(Generous);
            using var reader = new StreamReader(tls);
            var answer = await reader.ReadToEndAsync().WaitAsync(Generous);
            return new Exchange(answer.Length > 0 ? answer : null, leaf, handshake);
        }
        catch (Exception error) when (error is AuthenticationException or IOException)
        {
            return new Exchange(Answer: null, leaf, handshake);
        }
    }

    /// <param name="Answer">What the server has sent; null if it refuses the client.</param>
    /// <param name="Leaf">The SHA-256 of the server's leaf; null if there was no handshake.</param>
    /// <param name="Handshake">What the server has sent in the handshake.</param>
    private protected sealed record Exchange(string? Answer, string? Leaf, HandshakeRecorder Handshake);
}
