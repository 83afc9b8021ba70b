using System.Collections.Concurrent;
using System.Net;
using System.Net.Security;
using System.Net.Sockets;
using System.Security.Authentication;
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
using Microsoft.AspNetCore.Server.Kestrel.Https;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;

namespace CertActors.IntegrationTests;

/// <summary>Servers that verify their clients against a trust bundle, over real TLS: Kestrel, and SslStream in actors.</summary>
public sealed class MutualTlsTests : IAsyncDisposable
{
    private static readonly TimeSpan Generous = TimeSpan.FromSeconds(60);

    private readonly DirectoryInfo _root = Directory.CreateTempSubdirectory("certactors-test-");
    private readonly Lines _lines = new();
    private readonly TestAuthority _authority = Authority("authority");
    private readonly TestAuthority _other = Authority("other");
    private WebApplication? _app;

    public static TheoryData<SslProtocols> Versions => [SslProtocols.Tls12, SslProtocols.Tls13];

    private string BundlePath => Path.Combine(_root.FullName, "ca.pem");

    private string ListPath => Path.Combine(_root.FullName, "ca.crl");

    private CertificateHolder Holder => _app!.Services.GetRequiredService<CertificateHolder>();

    private IActorRef Supervisor => _app!.Services.GetRequiredService<IRequiredActor<CertificateSupervisor>>().ActorRef;

    public async ValueTask DisposeAsync()
    {
        if (_app is not null)
            await _app.DisposeAsync();
        _root.Delete(recursive: true);
    }

    [Theory]
    [MemberData(nameof(Versions))]
    public async Task A_client_of_the_bundle_is_served_and_every_other_client_is_refused(SslProtocols version)
    {
        await StartAsync(Require);

        Assert.Equal("CN=client", await GetAsync(Client(_authority), version));
        Assert.Null(await GetAsync(Client(_other), version));
        Assert.Null(await GetAsync(client: null, version));

        var refused = (await StatusAsync()).Refused;
        Assert.Equal([TrustRefusal.Untrusted, TrustRefusal.NotPresented], refused.Select(count => count.Refusal));
        await Wait.UntilAsync(() => _lines.Any("1 peers refused; the last (Untrusted): CN=client (serial number"));
    }

    [Theory]
    [MemberData(nameof(Versions))]
    public async Task A_bundle_that_is_swapped_decides_on_the_next_handshake_also_of_a_client_with_a_ticket(SslProtocols version)
    {
        await StartAsync(Require);
        var (one, other) = (Client(_authority), Client(_other));
        Assert.Equal("CN=client", await GetAsync(one, version));
        Assert.Null(await GetAsync(other, version));

        await SwapAsync(BundlePath, _other.CertificatePem);
        Assert.Null(await GetAsync(one, version));
        Assert.Equal("CN=client", await GetAsync(other, version));
    }

    [Theory]
    [MemberData(nameof(Versions))]
    public async Task A_client_that_is_revoked_is_refused_although_it_holds_a_ticket(SslProtocols version)
    {
        var pair = ClientPair(_authority);
        await StartAsync(Require);
        var client = Context(pair);
        Assert.Equal("CN=client", await GetAsync(client, version));

        await SwapAsync(ListPath, List(2, TestRevocationList.SerialOf(pair.CertificatePem)));
        Assert.Null(await GetAsync(client, version));
        Assert.Equal("CN=client", await GetAsync(Client(_authority), version));
    }

    [Fact]
    public async Task Where_clients_are_only_asked_one_without_a_certificate_is_served_and_one_with_a_bad_one_is_not()
    {
        await StartAsync(options => (options.ClientCertificates, options.TrustBundle) = (ClientCertificates.Allow, "clients"));

        Assert.Equal("nobody", await GetAsync(client: null));
        Assert.Equal("CN=client", await GetAsync(Client(_authority)));
        Assert.Null(await GetAsync(Client(_other)));
    }

    [Fact]
    public async Task A_bundle_that_never_loads_refuses_everybody()
    {
        File.WriteAllText(BundlePath, "no certificate");
        await StartAsync(Require, waitForBundle: false);

        Assert.Null(await GetAsync(Client(_authority)));
    }

    [Fact]
    public async Task The_hook_runs_last_and_the_versions_of_TLS_are_those_of_the_endpoint()
    {
        var seen = new ConcurrentQueue<string?>();
        await StartAsync(options =>
        {
            options.Protocols = SslProtocols.Tls12;
            options.OnHandshake = (context, tls) =>
            {
                seen.Enqueue(context.ClientHelloInfo.ServerName);
                Assert.NotNull(tls.ServerCertificateContext);
            };
        });

        Assert.Equal("nobody", await GetAsync(client: null, SslProtocols.Tls12));
        Assert.Null(await GetAsync(client: null, SslProtocols.Tls13));
        Assert.Contains("localhost", seen);
    }

    [Fact]
    public async Task Client_certificates_that_are_set_in_the_defaults_alone_fail_the_start_and_the_versions_there_apply()
    {
        var failure = await Assert.ThrowsAsync<InvalidOperationException>(() => StartAsync(
            _ => { }, kestrel => kestrel.ConfigureHttpsDefaults(https => https.ClientCertificateMode = ClientCertificateMode.RequireCertificate)));
        Assert.Contains("does not apply to UseCertificates", failure.Message, StringComparison.Ordinal);

        await StartAsync(_ => { }, kestrel => kestrel.ConfigureHttpsDefaults(https => https.SslProtocols = SslProtocols.Tls12));
        Assert.Null(await GetAsync(client: null, SslProtocols.Tls13));
        Assert.Equal("nobody", await GetAsync(client: null, SslProtocols.Tls12));
    }

    [Fact]
    public async Task Options_that_make_no_sense_fail_the_start_with_every_error()
    {
        var failure = await Assert.ThrowsAsync<CertificateOptionsException>(() => StartAsync(options => options.ClientCertificates = ClientCertificates.Require));
        Assert.Contains("TrustBundle must name the trust bundle", Assert.Single(failure.Errors), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Actors_that_serve_TCP_over_SslStream_follow_the_pair_and_the_bundle()
    {
        await StartAsync(_ => { });
        using var listener = new TcpListener(IPAddress.Loopback, 0);
        listener.Start();
        var options = Holder.ServerOptionsCallback(new CertificateServerOptions { ClientCertificates = ClientCertificates.Require, TrustBundle = "clients" });
        var system = _app!.Services.GetRequiredService<ActorSystem>();
        system.ActorOf(Props.Create(() => new Listener(listener, options)));
        var endpoint = (IPEndPoint)listener.LocalEndpoint;

        Assert.Equal("echo", await EchoAsync(endpoint, Client(_authority)));
        Assert.Null(await EchoAsync(endpoint, Client(_other)));
        await SwapAsync(BundlePath, _other.CertificatePem);
        Assert.Equal("echo", await EchoAsync(endpoint, Client(_other)));
        Assert.Null(await EchoAsync(endpoint, Client(_authority)));
    }

    private static TestAuthority Authority(string name) => new(name, notBefore: DateTimeOffset.UtcNow.AddDays(-1), notAfter: DateTimeOffset.UtcNow.AddDays(9));

    private static TestPair ClientPair(TestAuthority issuer) => new TestLeaf
    {
        Issuer = issuer,
        Subject = new X500DistinguishedName("CN=client"),
        NotBefore = DateTimeOffset.UtcNow.AddHours(-1),
        NotAfter = DateTimeOffset.UtcNow.AddDays(1),
    }.Make();

    private static SslStreamCertificateContext Client(TestAuthority issuer) => Context(ClientPair(issuer));

    private static SslStreamCertificateContext Context(TestPair pair) =>
        SslStreamCertificateContext.Create(X509Certificate2.CreateFromPem(pair.CertificatePem, pair.KeyPem), additionalCertificates: null, offline: true);

    private static void Require(CertificateEndpointOptions options) =>
        (options.ClientCertificates, options.TrustBundle) = (ClientCertificates.Require, "clients");

    private byte[] List(int number, params byte[][] serials) => new TestRevocationList
    {
        Issuer = _authority,
        Number = number,
        ThisUpdate = DateTimeOffset.UtcNow.AddMinutes(number - 10),
        NextUpdate = DateTimeOffset.UtcNow.AddDays(1),
        Serials = serials,
    }.Make();

    private async Task StartAsync(Action<CertificateEndpointOptions> configure, Action<KestrelServerOptions>? kestrel = null, bool waitForBundle = true)
    {
        var pair = TestPair.Make();
        var (cert, key) = (Path.Combine(_root.FullName, "tls.crt"), Path.Combine(_root.FullName, "tls.key"));
        File.WriteAllText(cert, pair.CertificatePem);
        File.WriteAllText(key, pair.KeyPem);
        if (!File.Exists(BundlePath))
            File.WriteAllText(BundlePath, _authority.CertificatePem);
        File.WriteAllBytes(ListPath, List(1));

        var builder = WebApplication.CreateSlimBuilder(["--hostBuilder:reloadConfigOnChange=false"]);
        builder.Logging.ClearProviders();
        builder.Logging.AddProvider(_lines);
        builder.Services.AddCertificates(new CertificateSupervisorOptions
        {
            Certificates = [new CertificateOptions { CertificatePath = cert, KeyPath = key }],
            TrustBundles = [new TrustBundleOptions { Name = "clients", CertificatePaths = [BundlePath], RevocationListPaths = [ListPath] }],
        });
        builder.Services.AddAkka("test", akka => akka.WithCertificates());
        builder.WebHost.UseKestrelHttpsConfiguration();
        builder.WebHost.ConfigureKestrel(options =>
        {
            kestrel?.Invoke(options);
            options.Listen(IPAddress.Loopback, 0, listen => listen.UseCertificates(configure));
        });
        _app = builder.Build();
        _app.MapGet("/", (HttpContext context) => context.Connection.ClientCertificate?.Subject ?? "nobody");
        await _app.StartAsync().WaitAsync(Generous);
        await Holder.WaitForFirstAsync(Generous);
        if (waitForBundle)
            await Wait.UntilAsync(() => Holder.GetTrustBundle("clients") is not null);
    }

    private async Task SwapAsync(string path, string content) => await SwapAsync(path, Encoding.ASCII.GetBytes(content));

    private async Task SwapAsync(string path, byte[] content)
    {
        var before = Holder.GetTrustBundle("clients")!.Generation;
        if (path == BundlePath) // The list of an authority that is removed would be signed by nobody.
            await File.WriteAllBytesAsync(ListPath, new TestRevocationList { Issuer = _other, NextUpdate = DateTimeOffset.UtcNow.AddDays(1) }.Make());
        await File.WriteAllBytesAsync(path, content);
        await Wait.UntilAsync(() => Holder.GetTrustBundle("clients")!.Generation > before);
    }

    private async Task<TrustBundleStatus> StatusAsync() =>
        Assert.Single((await Supervisor.Ask<CertificateSupervisorStatus>(GetStatus.Instance, Generous)).TrustBundles);

    /// <returns>Whom the server sees; null if it refuses the client.</returns>
    private async Task<string?> GetAsync(SslStreamCertificateContext? client, SslProtocols version = SslProtocols.None)
    {
        var address = _app!.Services.GetRequiredService<IServer>().Features.Get<IServerAddressesFeature>()!.Addresses.Single();
        var answer = await ExchangeAsync(new IPEndPoint(IPAddress.Loopback, new Uri(address).Port), client, version, "GET / HTTP/1.0\r\nHost: localhost\r\n\r\n");
        return answer?.Split("\r\n\r\n")[1];
    }

    private static Task<string?> EchoAsync(IPEndPoint endpoint, SslStreamCertificateContext client) => ExchangeAsync(endpoint, client, SslProtocols.None, "echo");

    private static async Task<string?> ExchangeAsync(IPEndPoint endpoint, SslStreamCertificateContext? client, SslProtocols version, string request)
    {
        using var connection = new TcpClient();
        await connection.ConnectAsync(endpoint);
        await using var tls = new SslStream(connection.GetStream());
        try
        {
            await tls.AuthenticateAsClientAsync(new SslClientAuthenticationOptions
            {
                TargetHost = "localhost",
                ClientCertificateContext = client,
                EnabledSslProtocols = version,
                RemoteCertificateValidationCallback = (_, certificate, _, _) => certificate is not null,
            }).WaitAsync(Generous);
            await tls.WriteAsync(Encoding.ASCII.GetBytes(request)).AsTask().WaitAsync(Generous);
            if (!request.StartsWith("GET", StringComparison.Ordinal))
                await tls.ShutdownAsync().WaitAsync(Generous);
            using var reader = new StreamReader(tls);
            var answer = await reader.ReadToEndAsync().WaitAsync(Generous);
            return answer.Length > 0 ? answer : null;
        }
        catch (Exception error) when (error is AuthenticationException or IOException)
        {
            return null;
        }
    }

    /// <summary>Accepts connections, and leaves each to an actor of its own.</summary>
    private sealed class Listener : ReceiveActor
    {
        private readonly TcpListener _listener;

        public Listener(TcpListener listener, ServerOptionsSelectionCallback options)
        {
            _listener = listener;
            Receive<TcpClient>(connection =>
            {
                Context.ActorOf(Props.Create(() => new Echo(connection, options)));
                Accept();
            });
            Receive<Status.Failure>(_ => Context.Stop(Self)); // The listener was closed.
            Accept();
        }

        private void Accept() => _listener.AcceptTcpClientAsync().PipeTo(Self);
    }

    /// <summary>Sends back what one client sends.</summary>
    private sealed class Echo : ReceiveActor
    {
        private readonly TcpClient _connection;
        private readonly SslStream _tls;

        public Echo(TcpClient connection, ServerOptionsSelectionCallback options)
        {
            _connection = connection;
            _tls = new SslStream(connection.GetStream());
            Receive<Done>(_ => Context.Stop(Self));
            Receive<Status.Failure>(_ => Context.Stop(Self)); // The client is refused, or has gone.
            ServeAsync(options).PipeTo(Self, success: () => new Done());
        }

        protected override void PostStop()
        {
            _tls.Dispose();
            _connection.Dispose();
        }

        private async Task ServeAsync(ServerOptionsSelectionCallback options)
        {
            await _tls.AuthenticateAsServerAsync(options, state: null);
            await _tls.CopyToAsync(_tls);
        }

        private sealed record Done;
    }

    /// <summary>What is logged.</summary>
    private sealed class Lines : ILoggerProvider, ILogger
    {
        private readonly ConcurrentQueue<string> _lines = new();

        public bool Any(string text) => _lines.Any(line => line.Contains(text, StringComparison.Ordinal));

        public ILogger CreateLogger(string categoryName) => this;

        public IDisposable? BeginScope<TState>(TState state)
            where TState : notnull => null;

        public bool IsEnabled(LogLevel logLevel) => logLevel >= LogLevel.Information;

        public void Log<TState>(LogLevel logLevel, EventId eventId, TState state, Exception? exception, Func<TState, Exception?, string> formatter) =>
            _lines.Enqueue(formatter(state, exception));

        public void Dispose()
        {
        }
    }
}
