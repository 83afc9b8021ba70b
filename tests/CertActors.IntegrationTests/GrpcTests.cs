using System.Collections.Concurrent;
using System.Security.Cryptography;
using Grpc.Core;
using Grpc.Net.Client;
using Microsoft.AspNetCore.Builder;
using Microsoft.Extensions.DependencyInjection;

namespace CertActors.IntegrationTests;

/// <summary>gRPC over Kestrel: what a rotation means to its streams and channels.</summary>
public sealed class GrpcTests : DrainKit
{
    private readonly ConcurrentQueue<string> _leaves = new();

    [Fact]
    public async Task A_stream_goes_on_after_a_rotation_and_a_new_channel_gets_the_new_certificate()
    {
        await using var server = await StartServerAsync(Ticking(new KestrelServer.Additions()));
        using var channel = Open(server);
        using var stream = new Ticker.TickerClient(channel).Echo();
        await EchoAsync(stream, 1);

        var next = await RotateAsync(server);
        await EchoAsync(stream, 2);
        using var newChannel = Open(server);
        using var newStream = new Ticker.TickerClient(newChannel).Echo();
        await EchoAsync(newStream, 3);
        await EchoAsync(stream, 4);

        Assert.Equal(2, _leaves.Count);
        Assert.Equal(next, _leaves.Last());
        await FinishAsync(stream);
        await FinishAsync(newStream);
    }

    [Fact]
    public async Task A_drained_stream_goes_on_and_the_next_one_of_its_channel_gets_the_new_certificate()
    {
        await using var server = await StartServerAsync(Ticking(Draining()));
        using var channel = Open(server);
        using var stream = new Ticker.TickerClient(channel).Echo();
        await EchoAsync(stream, 1);
        var next = await RotateAsync(server);

        await PassUntilAsync(async () =>
        {
            using var other = new Ticker.TickerClient(channel).Echo();
            await EchoAsync(other, 2);
            await FinishAsync(other);
            return _leaves.Count == 2;
        });
        Assert.Equal(next, _leaves.Last());

        Time.Advance(TimeSpan.FromSeconds(HardLimit / 2));
        await EchoAsync(stream, 3);
        await FinishAsync(stream);
    }

    [Fact]
    public async Task A_long_stream_is_left_alone_until_the_hard_limit()
    {
        await using var server = await StartServerAsync(Ticking(Draining()));
        using var channel = Open(server);
        using var stream = new Ticker.TickerClient(channel).Echo();
        await EchoAsync(stream, 0);
        await RotateAsync(server);

        for (var second = 1; second < HardLimit; second++)
        {
            Time.Advance(TimeSpan.FromSeconds(1));
            await EchoAsync(stream, second);
        }

        var end = stream.ResponseStream.MoveNext(CancellationToken.None);
        Assert.False(end.IsCompleted);
        await PassUntilAsync(() => end.IsCompleted);
        await Assert.ThrowsAsync<RpcException>(() => end);
    }

    private static KestrelServer.Additions Ticking(KestrelServer.Additions additions) => additions with
    {
        Build = builder =>
        {
            additions.Build(builder);
            builder.Services.AddGrpc();
        },
        Map = app => app.MapGrpcService<EchoingTicker>(),
    };

    private GrpcChannel Open(KestrelServer server)
    {
        var handler = new SocketsHttpHandler();
        handler.SslOptions.RemoteCertificateValidationCallback = (_, certificate, _, _) =>
        {
            _leaves.Enqueue(certificate!.GetCertHashString(HashAlgorithmName.SHA256).ToLowerInvariant());
            return certificate is not null;
        };
        return GrpcChannel.ForAddress(
            $"https://localhost:{server.Endpoints[0].Port}", new GrpcChannelOptions { HttpHandler = handler, DisposeHttpClient = true });
    }

    private static async Task EchoAsync(AsyncDuplexStreamingCall<Tick, Tick> stream, int number)
    {
        using var limit = new CancellationTokenSource(Generous);
        await stream.RequestStream.WriteAsync(new Tick { Number = number }, limit.Token);
        Assert.True(await stream.ResponseStream.MoveNext(limit.Token));
        Assert.Equal(number, stream.ResponseStream.Current.Number);
    }

    private static async Task FinishAsync(AsyncDuplexStreamingCall<Tick, Tick> stream)
    {
        await stream.RequestStream.CompleteAsync().WaitAsync(Generous);
        Assert.False(await stream.ResponseStream.MoveNext(CancellationToken.None).WaitAsync(Generous));
    }

    private sealed class EchoingTicker : Ticker.TickerBase
    {
        public override async Task Echo(IAsyncStreamReader<Tick> requestStream, IServerStreamWriter<Tick> responseStream, ServerCallContext context)
        {
            await foreach (var tick in requestStream.ReadAllAsync(context.CancellationToken))
                await responseStream.WriteAsync(tick, context.CancellationToken);
        }
    }
}
