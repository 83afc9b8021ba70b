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
    [InlineData("Endpoints:Other:ClientCertificateMode", "RequireCertificate")]
    [InlineData("EndpointDefaults:ClientCertificateMode", "AllowCertificate")]
    public async Task Client_certificates_of_any_endpoint_with_the_same_port_fail_the_start(string key, string mode)
    {
        var failure = await Assert.ThrowsAsync<InvalidOperationException>(() => StartAsync(
            _ => { },
            endpoint: [Url, ("ClientCertificateMode", "NoCertificate"), ("Endpoints:Other:Url", "https://127.0.0.2:0"), (key, mode)]));

        Assert.Contains($"sets ClientCertificateMode to {mode}", failure.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("EndpointDefaults:SslProtocols:0")]
    [InlineData("Endpoints:Api:SslProtocols:0", "Endpoints:Other:SslProtocols:0")]
    public async Task The_versions_of_TLS_that_all_endpoints_with_the_same_port_have_apply(params string[] keys)
    {
        await StartAsync(_ => { }, endpoint: [Url, ("Endpoints:Other:Url", "https://127.0.0.2:0"), .. keys.Select(key => (key, "Tls12"))]);

        Assert.Null(await GetAsync(Endpoints[0], client: null, SslProtocols.Tls13));
        Assert.Equal("nobody", await GetAsync(Endpoints[0], client: null, SslProtocols.Tls12));
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
}
