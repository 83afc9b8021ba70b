using System.Net.Security;
using System.Net.Sockets;
using System.Security.Authentication;
using CertActors.Server;
using Microsoft.AspNetCore.Server.Kestrel.Core;

namespace CertActors.IntegrationTests;

/// <summary>Kestrel with certificates from the holder.</summary>
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
    public async Task What_is_not_a_ClientHello_costs_no_log_line_of_its_own()
    {
        var pair = Write(SelfMadePair.Make());
        using var logs = new CollectedLogs();
        await using var server = await KestrelServer.StartAsync(Pair, logs);
        await server.Holder.WaitForFirstAsync(Generous);

        byte[] noise = [.. Enumerable.Range(0, 200).Select(i => (byte)(i * 37))];
        byte[][] openings =
        [
            "GET / HTTP/1.1\r\n\r\n"u8.ToArray(), noise, new byte[64],
            [0x80, 46, 1, 0, 2, 0, 21, 0, 0, 0, 16, .. noise], // an SSL 2.0 CLIENT-HELLO
            Record(20, 1), Record(21, 1, 0), Record(21, 2, 40), Record(23, noise), Record(24, 1, 0, 3, 1, 2, 3), Record(25, 1),
            Record(22), Record(22, 0, 0, 0, 0), Record(22, 2, 0, 0, 4, 1, 2, 3, 4), Record(22, 20, 0, 0, 4, 1, 2, 3, 4),
            Record(22, 1), Record(22, 1, 0, 0, 0), Record(22, 1, 0, 0, 1, 3), Record(22, [1, 0, 0, 200, .. noise]),
            Record(22, [1, 0, 0, 42, 3, 3, .. new byte[32], 0, 0, 2, 0x13, 1, 1, 0, 7]), // a byte where extensions would begin
        ];
        foreach (var opening in openings)
        {
            using var client = new TcpClient();
            await client.ConnectAsync(server.Endpoints[0]);
            await client.GetStream().WriteAsync(opening);
            client.Client.Shutdown(SocketShutdown.Send);
            await Xunit.Record.ExceptionAsync(() => client.GetStream().ReadExactlyAsync(new byte[1024]).AsTask().WaitAsync(Generous));
        }

        Assert.Equal(pair.Sha256, await server.ServedAsync());
        Assert.False(logs.Any(" Microsoft.AspNetCore.Server"), string.Join(Environment.NewLine, logs.Lines));

        static byte[] Record(byte type, params byte[] body) => [type, 3, 1, (byte)(body.Length >> 8), (byte)body.Length, .. body];
    }

    [Theory]
    [InlineData(1)]
    [InlineData(5)]
    [InlineData(50)]
    public async Task A_ClientHello_in_small_records_is_answered(int size)
    {
        var pair = Write(SelfMadePair.Make());
        await using var server = await KestrelServer.StartAsync(Pair);
        await server.Holder.WaitForFirstAsync(Generous);

        using var client = new TcpClient();
        await client.ConnectAsync(server.Endpoints[0]);
        await using var tls = new SslStream(new SmallRecords(client.GetStream(), size), leaveInnerStreamOpen: false, (_, certificate, _, _) => certificate is not null);
        await tls.AuthenticateAsClientAsync("localhost").WaitAsync(Generous);
        Assert.Equal(pair.Sha256, KestrelServer.LeafOf(tls));
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

    /// <summary>Splits the first written record into smaller ones, as RFC 8446, 5.1, allows.</summary>
    private sealed class SmallRecords(NetworkStream stream, int size) : Stream
    {
        private const int Header = 5;

        private bool _isCut;

        public override bool CanRead => true;

        public override bool CanSeek => false;

        public override bool CanWrite => true;

        public override long Length => throw new NotSupportedException();

        public override long Position
        {
            get => throw new NotSupportedException();
            set => throw new NotSupportedException();
        }

        public override async ValueTask WriteAsync(ReadOnlyMemory<byte> buffer, CancellationToken cancellationToken = default)
        {
            if (_isCut)
            {
                await stream.WriteAsync(buffer, cancellationToken);
                return;
            }

            _isCut = true;
            foreach (var part in buffer[Header..].ToArray().Chunk(size))
                await stream.WriteAsync((byte[])[.. buffer.Span[..3], 0, (byte)part.Length, .. part], cancellationToken);
        }

        public override ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default) => stream.ReadAsync(buffer, cancellationToken);

        public override int Read(byte[] buffer, int offset, int count) => stream.Read(buffer, offset, count);

        public override void Write(byte[] buffer, int offset, int count) => throw new NotSupportedException();

        public override void Flush() => stream.Flush();

        public override long Seek(long offset, SeekOrigin origin) => throw new NotSupportedException();

        public override void SetLength(long value) => throw new NotSupportedException();
    }
}
