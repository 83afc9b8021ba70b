using System.Collections.Concurrent;
using System.Net;
using System.Net.Security;
using System.Net.Sockets;
using System.Security.Authentication;
using Akka.Actor;
using CertActors.AspNetCore;
using Microsoft.AspNetCore.Connections;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.AspNetCore.Server.Kestrel.Https;

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
    public async Task A_client_whose_certificate_has_expired_is_refused(SslProtocols version)
    {
        await StartAsync(Require);

        Assert.Null(await GetAsync(Context(ClientPair(Trusted, notAfter: DateTimeOffset.UtcNow.AddMinutes(-1))), version));

        Assert.Equal(new TrustRefusalCount { Refusal = TrustRefusal.Expired, Count = 1 }, Assert.Single((await StatusAsync()).Refused));
        await Wait.UntilAsync(() => Log.Any("1 peers refused; the last (Expired): CN=client (serial number"));
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
    public async Task The_versions_of_TLS_are_those_of_the_endpoint()
    {
        await StartAsync(options => options.Protocols = SslProtocols.Tls12);

        Assert.Equal("nobody", await GetAsync(client: null, SslProtocols.Tls12));
        Assert.Null(await GetAsync(client: null, SslProtocols.Tls13));
    }

    [Fact]
    public async Task The_hook_runs_last()
    {
        var seen = new ConcurrentQueue<(string Name, bool HasCertificate, bool ChecksClients)>();
        await StartAsync(options =>
        {
            Require(options);
            options.OnHandshake = (context, tls) =>
            {
                seen.Enqueue((context.ClientHelloInfo.ServerName, tls.ServerCertificateContext is not null, tls.RemoteCertificateValidationCallback is not null));
                tls.EnabledSslProtocols = SslProtocols.Tls12;
            };
        });

        Assert.Null(await GetAsync(Client(Trusted), SslProtocols.Tls13));
        Assert.Equal("CN=client", await GetAsync(Client(Trusted), SslProtocols.Tls12));
        Assert.Null(await GetAsync(Client(Other), SslProtocols.Tls12));
        Assert.Equal(Enumerable.Repeat(("localhost", true, true), 3), seen);
    }

    [Fact]
    public async Task A_handshake_under_way_ends_with_its_pair_although_that_is_removed_meanwhile()
    {
        await StartAsync(options => options.OnHandshake = (_, _) =>
        {
            Supervisor.Tell(new RemoveCertificate("default"));
            Assert.True(SpinWait.SpinUntil(() => Holder.Get("default") is null, Generous));
        }, kestrel => kestrel.ConfigureHttpsDefaults(https => https.HandshakeTimeout = 2 * Generous));
        var leaf = Holder.Current!.Facts.Sha256;

        var exchange = await ExchangeAsync(Endpoint, client: null, SslProtocols.None, GetRequest);

        Assert.EndsWith("nobody", exchange.Answer, StringComparison.Ordinal);
        Assert.Equal(leaf, exchange.Leaf);
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
    public async Task Defaults_that_are_set_after_the_endpoint_apply_as_those_before_it()
    {
        ListenOptions? endpoint = null;
        var failure = await Assert.ThrowsAsync<InvalidOperationException>(() => StartAsync(_ => { }, listen: listen =>
        {
            endpoint = listen;
            listen.KestrelServerOptions.ConfigureHttpsDefaults(https => https.ClientCertificateMode = ClientCertificateMode.RequireCertificate);
        }));
        Assert.Contains("does not apply to UseCertificates", failure.Message, StringComparison.Ordinal);
        Assert.Throws<InvalidOperationException>(((IMultiplexedConnectionBuilder)endpoint!).Build); // As for HTTP/3.

        await StartAsync(_ => { }, listen: listen => listen.KestrelServerOptions.ConfigureHttpsDefaults(https => https.SslProtocols = SslProtocols.Tls12));
        Assert.Null(await GetAsync(client: null, SslProtocols.Tls13));
        Assert.Equal("nobody", await GetAsync(client: null, SslProtocols.Tls12));
    }

    [Fact]
    public async Task The_time_limit_of_handshakes_is_that_of_the_defaults_also_of_later_ones()
    {
        await StartAsync(
            _ => { },
            kestrel => kestrel.Listen(IPAddress.Loopback, 0, listen =>
                listen.UseHttps(Client(Trusted).TargetCertificate, https => https.HandshakeTimeout = TimeSpan.FromSeconds(10))),
            listen => listen.KestrelServerOptions.ConfigureHttpsDefaults(https => https.HandshakeTimeout = TimeSpan.FromSeconds(1)));
        using var other = new TcpClient();
        await other.ConnectAsync(Endpoints[0]);
        using var connection = new TcpClient();
        await connection.ConnectAsync(Endpoints[1]);

        // The limit of Kestrel's own endpoint is the one that an endpoint has without the defaults.
        var closed = ClosedAsync(connection);
        Assert.Same(closed, await Task.WhenAny(closed, ClosedAsync(other)).WaitAsync(Generous));

        static async Task ClosedAsync(TcpClient client) => Assert.Equal(0, await client.GetStream().ReadAsync(new byte[1]));
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
        var requires = Serve(new CertificateServerOptions { ClientCertificates = ClientCertificates.Require, TrustBundle = "clients" });
        var client = Client(Trusted);
        Assert.Equal("echo", await EchoAsync(requires, client, version));

        var asksNone = Serve(new CertificateServerOptions { Protocols = SslProtocols.Tls12 | SslProtocols.Tls13 });
        for (var i = 0; i < 3; i++)
        {
            Assert.Equal("echo", await EchoAsync(asksNone, client, version));
            Assert.Equal("echo", await EchoAsync(asksNone, client: null, version));
            Assert.Equal("echo", await EchoAsync(requires, client, version));
            Assert.Null(await EchoAsync(requires, client: null, version));
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
        var server = Serve(new CertificateServerOptions { ClientCertificates = ClientCertificates.Require, TrustBundle = "clients" });
        Assert.Equal(("echo", Holder.Current!.Facts.Sha256), await ServedAsync(Client(Trusted)));
        Assert.Null((await ServedAsync(Client(Other))).Answer);

        var next = await SwapPairAsync();
        Assert.Equal(("echo", next.Sha256), await ServedAsync(Client(Trusted)));

        await SwapAsync(BundlePath, Other.CertificatePem);
        Assert.Equal(("echo", next.Sha256), await ServedAsync(Client(Other)));
        Assert.Null((await ServedAsync(Client(Trusted))).Answer);

        async Task<(string? Answer, string? Leaf)> ServedAsync(SslStreamCertificateContext client)
        {
            var exchange = await ExchangeAsync(server, client, SslProtocols.None, EchoRequest);
            return (exchange.Answer, exchange.Leaf);
        }
    }

    private static async Task<string?> EchoAsync(EndPoint endpoint, SslStreamCertificateContext? client, SslProtocols version) =>
        (await ExchangeAsync(endpoint, client, version, EchoRequest)).Answer;
}
