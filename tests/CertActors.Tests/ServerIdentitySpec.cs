using System.Security.Authentication;
using CertActors.Tests.Support;

namespace CertActors.Tests;

/// <summary>Which servers resume TLS sessions. What the sessions do is tested with real handshakes.</summary>
public sealed class ServerIdentitySpec : PipelineKit
{
    private const SslProtocols Both = SslProtocols.Tls12 | SslProtocols.Tls13;

    public ServerIdentitySpec()
    {
        Write(TestPair.Make());
        Files.Write("/trust/ca.pem", new TestAuthority("clients").CertificatePem);
        Start(new CertificatesOptions { Certificates = [Options()], TrustBundles = [new TrustBundleOptions { Name = "clients", CertificatePaths = ["/trust/ca.pem"] }] });
    }

    [Theory]
    [InlineData(ClientCertificates.None, ClientCertificates.Require)]
    [InlineData(ClientCertificates.Require, ClientCertificates.None)]
    [InlineData(ClientCertificates.Allow, ClientCertificates.None)]
    public async Task Of_servers_that_ask_for_certificates_and_that_do_not_with_the_same_versions_of_TLS_those_that_are_as_the_first_resume_sessions(
        ClientCertificates first, ClientCertificates second)
    {
        var server = Server(first, Both);
        Assert.True(await ResumesAsync(server));

        var late = Server(second, Both);
        Holder.AddServer(late);
        Assert.Equal((true, false, true), (await ResumesAsync(server), await ResumesAsync(late), await ResumesAsync(Server(first, Both))));
    }

    [Fact]
    public async Task The_first_server_is_the_one_that_was_added_first()
    {
        var (first, second) = (Server(ClientCertificates.Require, Both), Server(ClientCertificates.None, Both));
        Holder.AddServer(first);
        Holder.AddServer(second);

        Assert.Equal((false, true), (await ResumesAsync(second), await ResumesAsync(first)));
    }

    [Fact]
    public async Task Servers_that_allow_a_certificate_and_that_require_one_share_sessions()
    {
        Assert.True(await ResumesAsync(Server(ClientCertificates.Allow, Both)));
        Assert.True(await ResumesAsync(Server(ClientCertificates.Require, Both)));
    }

    [Fact]
    public async Task Servers_with_other_versions_and_with_the_default_ones_resume_sessions()
    {
        Assert.True(await ResumesAsync(Server(ClientCertificates.None, SslProtocols.None)));
        Assert.True(await ResumesAsync(Server(ClientCertificates.Require, SslProtocols.None)));
        Assert.True(await ResumesAsync(Server(ClientCertificates.None, SslProtocols.Tls13)));
        Assert.True(await ResumesAsync(Server(ClientCertificates.Allow, SslProtocols.Tls12)));
    }

    private static CertificateServerOptions Server(ClientCertificates clients, SslProtocols versions) => new()
    {
        ClientCertificates = clients,
        TrustBundle = clients == ClientCertificates.None ? null : "clients",
        Protocols = versions,
    };

    private async Task<bool> ResumesAsync(CertificateServerOptions server) =>
        (await Holder.SelectIdentityAsync("default.example", server))!.CreateOptions().AllowTlsResume;
}
