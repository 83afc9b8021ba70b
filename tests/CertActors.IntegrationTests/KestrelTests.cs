using System.Net.Security;
using System.Net.Sockets;
using System.Security.Authentication;
using CertActors.Server;
using Microsoft.AspNetCore.Server.Kestrel.Core;

namespace CertActors.IntegrationTests;

/// <summary>What Kestrel makes of the holder.</summary>
public sealed class KestrelTests : IDisposable
{
    private static readonly TimeSpan Generous = TimeSpan.FromSeconds(30);

    private readonly DirectoryInfo _directory = Directory.CreateTempSubdirectory("certactors-test-");

    private CertificateOptions Pair => new()
    {
        CertificatePath = Path.Combine(_directory.FullName, "tls.crt"),
        KeyPath = Path.Combine(_directory.FullName, "tls.key"),
    };

    public void Dispose() => _directory.Delete(recursive: true);

    [Theory]
    [InlineData(HttpProtocols.Http1, HttpProtocols.Http1AndHttp2)]
    [InlineData(HttpProtocols.Http1AndHttp2, HttpProtocols.Http1)]
    public async Task Endpoints_of_one_holder_keep_their_own_protocols(HttpProtocols first, HttpProtocols second)
    {
        Write(SelfMadePair.Make());
        await using var server = await KestrelServer.StartAsync(Pair, first, second);

        for (var round = 0; round < 3; round++)
        {
            Assert.Equal(BestOf(first), await NegotiatedAsync(0));
            Assert.Equal(BestOf(second), await NegotiatedAsync(1));
        }

        async Task<SslApplicationProtocol> NegotiatedAsync(int endpoint)
        {
            await using var tls = await server.ConnectAsync(endpoint, "localhost", SslApplicationProtocol.Http2, SslApplicationProtocol.Http11);
            return tls.NegotiatedApplicationProtocol;
        }

        static SslApplicationProtocol BestOf(HttpProtocols protocols) =>
            protocols == HttpProtocols.Http1 ? SslApplicationProtocol.Http11 : SslApplicationProtocol.Http2;
    }

    [Fact]
    public async Task A_handshake_before_the_first_load_waits_for_it()
    {
        await using var server = await KestrelServer.StartAsync(Pair);
        var early = server.ServedAsync();

        var pair = Write(SelfMadePair.Make());

        Assert.Equal(pair.Sha256, await early.WaitAsync(Generous));
    }

    [Fact]
    public async Task A_handshake_that_waits_in_vain_fails_alone()
    {
        await using var server = await KestrelServer.StartAsync(Pair);
        var failure = await Record.ExceptionAsync(() => server.ServedAsync().WaitAsync(Generous));
        Assert.True(failure is IOException or AuthenticationException, $"{failure}");

        var pair = Write(SelfMadePair.Make());
        await server.Holder.WaitForFirstAsync(Generous);
        Assert.Equal(pair.Sha256, await server.ServedAsync());
    }

    [Fact]
    public async Task Plain_HTTP_and_garbage_on_the_TLS_port_cost_others_nothing()
    {
        var pair = Write(SelfMadePair.Make());
        await using var server = await KestrelServer.StartAsync(Pair);
        await server.Holder.WaitForFirstAsync(Generous);

        foreach (var bytes in (byte[][])["GET / HTTP/1.1\r\nHost: localhost\r\n\r\n"u8.ToArray(), [0x16, 3, 1, 0, 1, 0], []])
        {
            using var client = new TcpClient();
            await client.ConnectAsync(server.Endpoints[0]);
            await client.GetStream().WriteAsync(bytes);
            client.Client.Shutdown(SocketShutdown.Send);
            await Record.ExceptionAsync(() => client.GetStream().ReadExactlyAsync(new byte[1024]).AsTask().WaitAsync(Generous));
            Assert.Equal(pair.Sha256, await server.ServedAsync());
        }
    }

    [Fact]
    public async Task Clients_that_send_no_name_or_another_are_served_too()
    {
        var pair = Write(SelfMadePair.Make());
        await using var server = await KestrelServer.StartAsync(Pair);

        foreach (var name in (string[])["localhost", "other.example", "127.0.0.1", ""])
            Assert.Equal(pair.Sha256, await server.ServedAsync(name));
    }

    private SelfMadePair Write(SelfMadePair pair)
    {
        File.WriteAllText(Pair.CertificatePath, pair.CertificatePem);
        File.WriteAllText(Pair.KeyPath, pair.KeyPem);
        return pair;
    }
}
