using System.Net;
using System.Net.Security;
using System.Net.Sockets;
using System.Security.Authentication;
using CertActors.TestKit;

namespace CertActors.IntegrationTests;

/// <summary>The test kit under real handshakes.</summary>
public sealed class TestCertificatesTests
{
    private static readonly TimeSpan Generous = TimeSpan.FromSeconds(60);

    [Fact]
    public async Task Both_sides_of_a_handshake_use_what_is_served_and_trusted()
    {
        using var certificates = new TestCertificates();
        using var server = TestCertificates.SelfSigned("localhost");
        using var client = TestCertificates.SelfSigned();
        certificates.Serve(server);
        certificates.Serve(client, "client");
        certificates.Trust("servers", server);
        certificates.Trust("clients", client);
        Assert.Equal(certificates.Holder.Current!.Facts.Sha256, await ShakeHandsAsync(certificates.Holder));

        using var next = TestCertificates.SelfSigned("localhost");
        certificates.Serve(next);
        await Assert.ThrowsAnyAsync<AuthenticationException>(() => ShakeHandsAsync(certificates.Holder));

        certificates.Trust("servers", server, next);
        Assert.Equal(certificates.Holder.Current!.Facts.Sha256, await ShakeHandsAsync(certificates.Holder));
    }

    /// <returns>The SHA-256 of the certificate that the client got.</returns>
    private static async Task<string> ShakeHandsAsync(CertificateHolder holder)
    {
        using var listener = new TcpListener(IPAddress.Loopback, 0);
        listener.Start();
        using var limit = new CancellationTokenSource(Generous);
        using var connection = new TcpClient();
        await connection.ConnectAsync((IPEndPoint)listener.LocalEndpoint, limit.Token);
        using var accepted = await listener.AcceptTcpClientAsync(limit.Token);
        await using var serverSide = new SslStream(accepted.GetStream());
        await using var clientSide = new SslStream(connection.GetStream());

        var options = holder.CreateClientOptions(pair: "client", bundle: "servers");
        options.TargetHost = "localhost";
        var serving = serverSide.AuthenticateAsServerAsync(
            holder.ServerOptionsCallback(new CertificateServerOptions { ClientCertificates = ClientCertificates.Require, TrustBundle = "clients" }), state: null, limit.Token);
        try
        {
            await clientSide.AuthenticateAsClientAsync(options, limit.Token);
            await serving;
        }
        finally
        {
            // A client that refuses leaves the server waiting for its answer.
            connection.Close();
            await serving.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }

        return clientSide.RemoteCertificate!.GetCertHashString(System.Security.Cryptography.HashAlgorithmName.SHA256).ToLowerInvariant();
    }
}
