using System.Net;
using System.Net.Sockets;
using System.Security.Authentication;
using CertActors.AspNetCore;

namespace CertActors.IntegrationTests;

/// <summary>Endpoints that are in Kestrel's configuration, and serve certificates by code.</summary>
public sealed class ConfiguredEndpointTests : MutualTlsKit
{
    private static readonly (string, string) Url = ("Url", "https://127.0.0.1:0");

    [Fact]
    public async Task An_endpoint_of_the_configuration_serves_the_pair_and_verifies_its_clients()
    {
        await StartAsync(Require, listen: listen => listen.UseCertificateDrain(), endpoint: Url);

        Assert.Equal("CN=client", await GetAsync(Client(Trusted)));
        Assert.Null(await GetAsync(Client(Other)));
    }

    [Fact]
    public async Task The_versions_of_TLS_are_those_of_the_configuration()
    {
        await StartAsync(_ => { }, endpoint: [Url, ("SslProtocols:0", "Tls12")]);

        Assert.Null(await GetAsync(client: null, SslProtocols.Tls13));
        Assert.Equal("nobody", await GetAsync(client: null, SslProtocols.Tls12));
    }

    [Theory]
    [InlineData("ClientCertificateMode")]
    [InlineData("Sni:localhost:ClientCertificateMode")]
    public async Task Client_certificates_that_are_set_in_the_configuration_alone_fail_the_start(string setting)
    {
        var failure = await Assert.ThrowsAsync<InvalidOperationException>(() => StartAsync(_ => { }, endpoint: [Url, (setting, "RequireCertificate")]));

        Assert.Contains("Kestrel's configuration, sets ClientCertificateMode to RequireCertificate, which does not apply", failure.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("Endpoints:Api:ClientCertificateMode", "RequireCertificate")]
    [InlineData("EndpointDefaults:ClientCertificateMode", "RequireCertificate")]
    public async Task A_bad_change_of_the_configuration_leaves_the_endpoint_as_it_is(string key, string value)
    {
        await StartAsync(_ => { }, endpoint: Url);

        KestrelConfiguration![key] = value;
        KestrelConfiguration.Reload();
        await Wait.UntilAsync(() => Log.Any("does not apply to UseCertificates"));

        Assert.Equal("nobody", await GetAsync(client: null));
    }

    [Theory]
    [InlineData("ClientCertificateMode", "Sni:health.example.com:ClientCertificateMode")]
    [InlineData("Sni:a.example.com:ClientCertificateMode", "Sni:b.example.com:ClientCertificateMode")]
    [InlineData("EndpointDefaults:ClientCertificateMode", "Sni:health.example.com:ClientCertificateMode")]
    public async Task A_server_name_that_asks_for_no_certificate_changes_nothing_about_that(string asks, string asksNone)
    {
        var failure = await Assert.ThrowsAsync<InvalidOperationException>(() =>
            StartAsync(_ => { }, endpoint: [Url, (asks, "RequireCertificate"), (asksNone, "NoCertificate")]));

        Assert.Contains("sets ClientCertificateMode to RequireCertificate", failure.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData]
    [InlineData("Endpoints:Other:Url", "https://127.0.0.1:0", "Endpoints:Other:ClientCertificateMode", "NoCertificate")]
    public async Task Endpoints_that_ask_for_no_certificate_are_not_what_the_defaults_say(params string[] other)
    {
        (string, string)[] own = [Url, ("ClientCertificateMode", "NoCertificate"), ("EndpointDefaults:ClientCertificateMode", "RequireCertificate")];
        await StartAsync(_ => { }, endpoint: [.. own, .. other.Chunk(2).Select(setting => (setting[0], setting[1]))]);

        Assert.Equal("nobody", await GetAsync(Endpoints[0], client: null, SslProtocols.None));
    }

    [Theory]
    [InlineData("Endpoints:Other:ClientCertificateMode", "RequireCertificate")]
    [InlineData("EndpointDefaults:ClientCertificateMode", "AllowCertificate")]
    public async Task Client_certificates_of_any_endpoint_that_may_be_this_one_fail_the_start(string key, string mode)
    {
        var failure = await Assert.ThrowsAsync<InvalidOperationException>(() => StartAsync(
            _ => { },
            endpoint: [Url, ("ClientCertificateMode", "NoCertificate"), ("Endpoints:Other:Url", Url.Item2), (key, mode)]));

        Assert.Contains($"sets ClientCertificateMode to {mode}", failure.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("EndpointDefaults:SslProtocols:0")]
    [InlineData("Endpoints:Api:SslProtocols:0", "Endpoints:Other:SslProtocols:0")]
    public async Task The_versions_of_TLS_that_all_endpoints_have_that_may_be_this_one_apply(params string[] keys)
    {
        await StartAsync(_ => { }, endpoint: [Url, ("Endpoints:Other:Url", Url.Item2), .. keys.Select(key => (key, "Tls12"))]);

        Assert.Null(await GetAsync(Endpoints[0], client: null, SslProtocols.Tls13));
        Assert.Equal("nobody", await GetAsync(Endpoints[0], client: null, SslProtocols.Tls12));
    }

    [Fact]
    public async Task Different_versions_of_TLS_of_endpoints_that_may_be_this_one_fail_the_start_unless_it_sets_its_own()
    {
        (string, string)[] endpoint = [Url, ("SslProtocols:0", "Tls13"), ("Endpoints:Other:Url", Url.Item2)];
        var failure = await Assert.ThrowsAsync<InvalidOperationException>(() => StartAsync(_ => { }, endpoint: endpoint));
        Assert.Contains("which of the endpoints Api, Other in Kestrel's configuration this one is", failure.Message, StringComparison.Ordinal);

        await StartAsync(options => options.Protocols = SslProtocols.Tls12, endpoint: endpoint);
        Assert.Equal("nobody", await GetAsync(Endpoints[0], client: null, SslProtocols.Tls12));
    }

    [Fact]
    public async Task Endpoints_with_one_port_at_several_addresses_have_each_their_own_settings()
    {
        // No other test has a server at these addresses.
        var (one, two) = (IPAddress.Parse("127.0.0.2"), IPAddress.Parse("127.0.0.3"));
        var port = FreePort(one);
        await StartAsync(
            _ => { },
            endpoint:
            [
                ("Url", $"https://{one}:{port}"),
                ("SslProtocols:0", "Tls13"),
                ("Endpoints:Other:Url", $"https://{two}:{port}"),
                ("Endpoints:Other:SslProtocols:0", "Tls12"),
            ]);

        Assert.Null(await GetAsync(new IPEndPoint(one, port), client: null, SslProtocols.Tls12));
        Assert.Equal("nobody", await GetAsync(new IPEndPoint(one, port), client: null, SslProtocols.Tls13));
        Assert.Equal("nobody", await GetAsync(new IPEndPoint(two, port), client: null, SslProtocols.Tls12));
        Assert.Null(await GetAsync(new IPEndPoint(two, port), client: null, SslProtocols.Tls13));
    }

    [Fact]
    public async Task An_endpoint_on_a_Unix_socket_has_its_own_settings_and_not_those_of_another()
    {
        (string, string)[] other = [("Endpoints:Other:Url", $"https://unix:{SocketPath}-other"), ("Endpoints:Other:SslProtocols:0", "Tls13")];
        await StartAsync(Require, endpoint: [("Url", $"https://unix:{SocketPath}"), ("SslProtocols:0", "Tls12"), .. other]);

        var socket = new UnixDomainSocketEndPoint(SocketPath);
        Assert.Equal("CN=client", await GetAsync(socket, Client(Trusted), SslProtocols.Tls12));
        Assert.Null(await GetAsync(socket, Client(Trusted), SslProtocols.Tls13));
        Assert.Equal("CN=client", await GetAsync(new UnixDomainSocketEndPoint(SocketPath + "-other"), Client(Trusted), SslProtocols.Tls13));
    }

    [Fact]
    public async Task Client_certificates_that_are_set_for_a_Unix_socket_alone_fail_the_start()
    {
        await Assert.ThrowsAsync<InvalidOperationException>(() =>
            StartAsync(_ => { }, endpoint: [("Url", $"https://unix:{SocketPath}"), ("ClientCertificateMode", "RequireCertificate")]));
    }

    private static int FreePort(IPAddress address)
    {
        using var listener = new TcpListener(address, 0);
        listener.Start();
        return ((IPEndPoint)listener.LocalEndpoint).Port;
    }
}
