using System.Collections.Concurrent;
using System.Net;
using System.Net.Security;
using System.Net.Sockets;
using System.Security.Authentication;
using Akka.Actor;
using CertActors.AspNetCore;
using CertActors.Tests.Support;
using Microsoft.AspNetCore.Server.Kestrel.Https;
using Microsoft.Extensions.DependencyInjection;

namespace CertActors.IntegrationTests;

/// <summary>Servers that verify their clients against a trust bundle, over real TLS: Kestrel, and SslStream in actors.</summary>
public sealed class MutualTlsTests : MutualTlsKit
{
    public static TheoryData<SslProtocols> Versions => [SslProtocols.Tls12, SslProtocols.Tls13];

    [Theory]
    [MemberData(nameof(Versions))]
    public async Task A_client_of_the_bundle_is_served_and_every_other_client_is_refused(SslProtocols version)
    {
        await StartAsync(Require);

        Assert.Equal("CN=client", await GetAsync(Client(Trusted), version));
        Assert.Null(await GetAsync(Client(Other), version));
        Assert.Null(await GetAsync(client: null, version));

        var status = await StatusAsync();
        Assert.Equal([TrustRefusal.Untrusted, TrustRefusal.NotPresented], status.Refused.Select(count => count.Refusal));
        var accepted = Assert.Single(status.Accepted);
        Assert.Equal(("CN=authority", 1L, "CN=client"), (accepted.Authority.Subject, accepted.Handshakes, Assert.Single(accepted.SoonestToExpire).Subject));
        await Wait.UntilAsync(() => Log.Any("1 peers refused; the last (Untrusted): CN=client (serial number"));
    }

    [Theory]
    [MemberData(nameof(Versions))]
    public async Task A_bundle_that_is_swapped_decides_on_the_next_handshake_also_of_a_client_with_a_ticket(SslProtocols version)
    {
        await StartAsync(Require);
        var (one, other) = (Client(Trusted), Client(Other));
        Assert.Equal("CN=client", await GetAsync(one, version));
        Assert.Null(await GetAsync(other, version));

        await SwapAsync(BundlePath, Other.CertificatePem);
        Assert.Null(await GetAsync(one, version));
        Assert.Equal("CN=client", await GetAsync(other, version));
    }

    [Theory]
    [MemberData(nameof(Versions))]
    public async Task A_client_that_is_revoked_is_refused_although_it_holds_a_ticket(SslProtocols version)
    {
        var pair = ClientPair(Trusted);
        await StartAsync(Require);
        var client = Context(pair);
        Assert.Equal("CN=client", await GetAsync(client, version));

        await SwapAsync(ListPath, List(2, TestRevocationList.SerialOf(pair.CertificatePem)));
        Assert.Null(await GetAsync(client, version));
        Assert.Equal("CN=client", await GetAsync(Client(Trusted), version));
    }

    [Fact]
    public async Task Where_clients_are_only_asked_one_without_a_certificate_is_served_and_one_with_a_bad_one_is_not()
    {
        await StartAsync(options => (options.ClientCertificates, options.TrustBundle) = (ClientCertificates.Allow, "clients"));

        Assert.Equal("nobody", await GetAsync(client: null));
        Assert.Equal("CN=client", await GetAsync(Client(Trusted)));
        Assert.Null(await GetAsync(Client(Other)));
    }

    [Fact]
    public async Task A_bundle_that_never_loads_refuses_everybody()
    {
        File.WriteAllText(BundlePath, "no certificate");
        await StartAsync(Require, waitForBundle: false);

        Assert.Null(await GetAsync(Client(Trusted)));
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

    [Theory]
    [InlineData(SslProtocols.Tls12, SslProtocols.None, true)]
    [InlineData(SslProtocols.Tls13, SslProtocols.None, true)]
    [InlineData(SslProtocols.Tls12, SslProtocols.Tls12 | SslProtocols.Tls13, true)]
    [InlineData(SslProtocols.Tls13, SslProtocols.Tls12 | SslProtocols.Tls13, true)]
    [InlineData(SslProtocols.Tls12, SslProtocols.Tls12 | SslProtocols.Tls13, false)]
    [InlineData(SslProtocols.Tls13, SslProtocols.Tls12 | SslProtocols.Tls13, false)]
    public async Task Sessions_of_an_endpoint_that_asks_for_no_certificate_are_not_resumed_at_one_that_requires_it_and_the_other_way_round(
        SslProtocols version, SslProtocols defaults, bool beginsWithoutCertificate)
    {
        await StartAsync(Require, kestrel =>
        {
            kestrel.ConfigureHttpsDefaults(https => https.SslProtocols = defaults);
            kestrel.Listen(IPAddress.Loopback, 0, listen => listen.UseCertificates());
        });
        var (asksNone, requires) = (Endpoints[0], Endpoints[1]);
        var client = Client(Trusted);
        if (beginsWithoutCertificate)
            Assert.Equal("nobody", await GetAsync(asksNone, client, version));
        for (var i = 0; i < 3; i++)
        {
            Assert.Equal("CN=client", await GetAsync(requires, client, version));
            Assert.Equal("nobody", await GetAsync(asksNone, client, version));
            Assert.Equal("nobody", await GetAsync(asksNone, client: null, version));
            Assert.Null(await GetAsync(requires, client: null, version));
        }
    }

    [Theory]
    [MemberData(nameof(Versions))]
    public async Task Sessions_with_a_certificate_are_not_resumed_at_a_server_that_is_added_later_and_asks_for_none(SslProtocols version)
    {
        // Both by SslStream: .NET keeps the sessions of Kestrel, which has ALPN, apart.
        await StartAsync(_ => { });
        using var requires = Serve(new CertificateServerOptions { ClientCertificates = ClientCertificates.Require, TrustBundle = "clients" });
        var client = Client(Trusted);
        Assert.Equal("echo", await ExchangeAsync(requires.LocalEndpoint, client, version, "echo"));

        using var asksNone = Serve(new CertificateServerOptions { Protocols = SslProtocols.Tls12 | SslProtocols.Tls13 });
        for (var i = 0; i < 3; i++)
        {
            Assert.Equal("echo", await ExchangeAsync(asksNone.LocalEndpoint, client, version, "echo"));
            Assert.Equal("echo", await ExchangeAsync(asksNone.LocalEndpoint, client: null, version, "echo"));
            Assert.Equal("echo", await ExchangeAsync(requires.LocalEndpoint, client, version, "echo"));
            Assert.Null(await ExchangeAsync(requires.LocalEndpoint, client: null, version, "echo"));
        }
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
        using var listener = Serve(new CertificateServerOptions { ClientCertificates = ClientCertificates.Require, TrustBundle = "clients" });
        var endpoint = (IPEndPoint)listener.LocalEndpoint;

        Assert.Equal("echo", await EchoAsync(endpoint, Client(Trusted)));
        Assert.Null(await EchoAsync(endpoint, Client(Other)));
        await SwapAsync(BundlePath, Other.CertificatePem);
        Assert.Equal("echo", await EchoAsync(endpoint, Client(Other)));
        Assert.Null(await EchoAsync(endpoint, Client(Trusted)));
    }

    private TcpListener Serve(CertificateServerOptions server)
    {
        var listener = new TcpListener(IPAddress.Loopback, 0);
        listener.Start();
        var options = Holder.ServerOptionsCallback(server);
        Services.GetRequiredService<ActorSystem>().ActorOf(Props.Create(() => new Listener(listener, options)));
        return listener;
    }

    private static Task<string?> EchoAsync(IPEndPoint endpoint, SslStreamCertificateContext client) => ExchangeAsync(endpoint, client, SslProtocols.None, "echo");

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
}
