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
}
