using System.Collections.Concurrent;
using System.Net;
using System.Net.Security;
using System.Net.Sockets;
using System.Net.WebSockets;
using System.Security.Cryptography;
using System.Text;
using Akka.Actor;
using CertActors.AspNetCore;
using CertActors.Server;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;

namespace CertActors.IntegrationTests;

/// <summary>How a rotation ends at Kestrel: what the clients of the old certificate see. The drain's time is virtual.</summary>
public sealed class DrainTests : DrainKit
{
    private readonly TaskCompletionSource _release = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly TaskCompletionSource _aborted = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private int _held;

    [Fact]
    public async Task A_response_on_an_old_HTTP_1_1_connection_announces_its_end_and_the_next_connection_has_the_new_certificate()
    {
        await using var server = await StartAsync();
        await using var client = await ConnectAsync(server);
        var next = await RotateAsync(server);
        Assert.NotEqual(next, client.Leaf);

        var response = "";
        while (!IsLast(response))
        {
            Time.Advance(TimeSpan.FromSeconds(1));
            response = await client.GetAsync();
            Assert.StartsWith("HTTP/1.1 200", response, StringComparison.Ordinal);
        }

        Assert.Null(await client.ReceiveAsync());
        Assert.Equal(next, await server.ServedAsync());
    }

    [Fact]
    public async Task An_idle_HTTP_1_1_connection_is_closed_in_the_drain_window()
    {
        await using var server = await StartAsync();
        await using var client = await ConnectAsync(server);
        await RotateAsync(server);

        var end = client.ReceiveAsync();
        Assert.False(end.IsCompleted);
        await PassUntilAsync(() => end.IsCompleted);

        Assert.Null(await end);
    }

    [Fact]
    public async Task A_new_connection_is_left_alone()
    {
        await using var server = await StartAsync();
        await RotateAsync(server);
        await using var client = await ConnectAsync(server);

        for (var second = 0; second < HardLimit; second += 100)
        {
            Time.Advance(TimeSpan.FromSeconds(100));
            Assert.False(IsLast(await client.GetAsync()));
        }
    }

    [Fact]
    public async Task A_client_that_never_pauses_loses_no_request()
    {
        const int clients = 10;
        const int rotations = 2;
        const int steps = 3 * (Grace + Window);

        await using var server = await StartAsync();
        var opened = 0;
        for (var rotation = 0; rotation < rotations; rotation++)
        {
            var connections = new Http1Client?[clients];
            await Task.WhenAll(Enumerable.Range(0, clients).Select(async i => connections[i] = await ConnectAsync(server)));
            await RotateAsync(server);

            // Between two steps each client makes some requests, so that none is idle for a quarter of the window.
            for (var step = 0; step < steps; step++)
            {
                Time.Advance(TimeSpan.FromSeconds(0.5));
                await Task.WhenAll(Enumerable.Range(0, clients).Select(PostAsync));
            }

            Assert.Equal((rotation + 1) * clients, opened);
            foreach (var connection in connections)
                await connection!.DisposeAsync();

            async Task PostAsync(int i)
            {
                for (var request = 0; request < 3; request++)
                {
                    var response = await connections[i]!.PostAsync("/echo", $"request {request}");
                    Assert.EndsWith($"request {request}", response, StringComparison.Ordinal);
                    if (!IsLast(response))
                        continue;
                    await connections[i]!.DisposeAsync();
                    connections[i] = await ConnectAsync(server);
                    Interlocked.Increment(ref opened);
                }
            }
        }
    }

    [Fact]
    public async Task HTTP_2_requests_in_flight_finish_while_new_ones_move_to_a_connection_with_the_new_certificate()
    {
        await using var server = await StartAsync();
        var leaves = new ConcurrentQueue<string>();
        using var client = Client(server, HttpVersion.Version20, leaves);
        var held = client.GetStringAsync("/hold");
        await HeldAsync(1);
        var next = await RotateAsync(server);
        Assert.Equal("hello", await client.GetStringAsync("/"));

        await PassUntilAsync(async () => await client.GetStringAsync("/") == "hello" && leaves.Count == 2);
        Time.Advance(TimeSpan.FromSeconds(HardLimit / 2));
        Assert.Equal("hello", await client.GetStringAsync("/"));
        Assert.Equal(next, leaves.Last());
        Assert.False(held.IsCompleted);
        Assert.Equal([(1, 1), (2, 1)], await ConnectionsAsync(server));

        _release.SetResult();

        Assert.Equal("held", await held);
        await Wait.UntilAsync(async () => (await ConnectionsAsync(server)).SequenceEqual([(2, 1)]));
    }

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    public async Task A_request_in_flight_is_cut_at_the_hard_limit_and_not_before(int version)
    {
        await using var server = await StartAsync();
        using var client = Client(server, new Version(version, version == 1 ? 1 : 0));
        var held = client.GetStringAsync("/hold");
        await HeldAsync(1);
        await RotateAsync(server);

        Time.Advance(TimeSpan.FromSeconds(HardLimit - 1));
        await server.ServedAsync();
        Assert.False(held.IsCompleted || _aborted.Task.IsCompleted);

        await PassUntilAsync(() => _aborted.Task.IsCompleted);
        await Assert.ThrowsAnyAsync<HttpRequestException>(() => held.WaitAsync(Generous));
    }

    [Fact]
    public async Task A_WebSocket_lives_until_the_hard_limit()
    {
        await using var server = await StartAsync();
        using var client = new ClientWebSocket();
        client.Options.RemoteCertificateValidationCallback = (_, certificate, _, _) => certificate is not null;
        await client.ConnectAsync(new Uri($"wss://localhost:{server.Endpoints[0].Port}/socket"), CancellationToken.None).WaitAsync(Generous);
        await EchoAsync();
        await RotateAsync(server);

        for (var second = 0; second < 3 * (Grace + Window); second++)
        {
            Time.Advance(TimeSpan.FromSeconds(1));
            await EchoAsync();
        }

        var end = client.ReceiveAsync(new byte[1], CancellationToken.None);
        await PassUntilAsync(() => end.IsCompleted);
        await Assert.ThrowsAsync<WebSocketException>(() => end);

        async Task EchoAsync()
        {
            await client.SendAsync("ping"u8.ToArray(), WebSocketMessageType.Text, endOfMessage: true, CancellationToken.None).WaitAsync(Generous);
            var buffer = new byte[16];
            var received = await client.ReceiveAsync(buffer, CancellationToken.None).WaitAsync(Generous);
            Assert.Equal("ping", Encoding.ASCII.GetString(buffer, 0, received.Count));
        }
    }

    [Fact]
    public async Task An_upload_that_is_asked_to_close_half_way_is_read_to_its_end()
    {
        await using var server = await StartAsync();
        await using var client = await ConnectAsync(server);
        await client.SendAsync("POST /echo HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1000\r\n\r\n");
        await RotateAsync(server);

        for (var part = 0; part < 100; part++)
        {
            await client.SendAsync("0123456789");
            Time.Advance(TimeSpan.FromSeconds(1));
        }

        var response = await client.ReceiveAsync();
        Assert.EndsWith(string.Concat(Enumerable.Repeat("0123456789", 100)), response, StringComparison.Ordinal);
        Assert.True(IsLast(response));
    }

    [Fact]
    public async Task GenerationDrained_arrives_when_the_last_connection_has_closed()
    {
        await using var server = await StartAsync();
        using var events = Subscribe(server);
        await using var idle = await ConnectAsync(server);
        using var client = Client(server, HttpVersion.Version20);
        var held = client.GetStringAsync("/hold");
        await HeldAsync(1);
        await RotateAsync(server);
        Time.Advance(TimeSpan.FromSeconds(Grace + Window + 1));
        await Wait.UntilAsync(async () => (await ConnectionsAsync(server)).SequenceEqual([(1, 1), (2, 0)]));

        _release.SetResult();
        await held;

        var drained = (GenerationDrained)await events.ReceiveAsync(Generous);
        Assert.Equal(("default", 1), (drained.Name, drained.Generation));
        Assert.Equal([(2, 0)], await ConnectionsAsync(server));
    }

    [Fact]
    public async Task Several_rotations_may_drain_at_once()
    {
        await using var server = await StartAsync();
        using var events = Subscribe(server);
        using var client = Client(server, HttpVersion.Version20);
        var held = client.GetStringAsync("/hold");
        await HeldAsync(1);
        await RotateAsync(server);
        await using var second = await ConnectAsync(server);
        await RotateAsync(server);
        await using var third = await ConnectAsync(server);
        Assert.Equal([(1, 1), (2, 1), (3, 1)], await ConnectionsAsync(server));

        var end = second.ReceiveAsync();
        await PassUntilAsync(() => end.IsCompleted);
        Assert.Equal(2, ((GenerationDrained)await events.ReceiveAsync(Generous)).Generation);
        Assert.Equal([(1, 1), (3, 1)], await ConnectionsAsync(server));

        // The first connection may have a later moment in its window than the second.
        Time.Advance(TimeSpan.FromSeconds(Grace + Window + 1));
        _release.SetResult();
        Assert.Equal("held", await held);
        Assert.Equal(1, ((GenerationDrained)await events.ReceiveAsync(Generous)).Generation);
        Assert.NotNull(await third.GetAsync());
    }

    [Fact]
    public async Task Connections_are_counted_without_a_drain_and_failed_handshakes_are_not_left_over()
    {
        await using var server = await StartAsync(new KestrelServer.Additions());
        using var events = Subscribe(server);
        await using (var client = await ConnectAsync(server))
        {
            await client.GetAsync();
            await Assert.ThrowsAnyAsync<Exception>(FailHandshakeAsync);
            await Wait.UntilAsync(async () => (await ConnectionsAsync(server)).SequenceEqual([(1, 1)]));
            await RotateAsync(server);
            Assert.Equal([(1, 1), (2, 0)], await ConnectionsAsync(server));
        }

        Assert.Equal(1, ((GenerationDrained)await events.ReceiveAsync(Generous)).Generation);

        async Task FailHandshakeAsync()
        {
            using var tcp = new TcpClient();
            await tcp.ConnectAsync(server.Endpoints[0]);
            await using var tls = new SslStream(tcp.GetStream());
            await tls.AuthenticateAsClientAsync("localhost").WaitAsync(Generous);
        }
    }

    [Fact]
    public async Task The_end_of_the_server_does_not_wait_for_a_drain()
    {
        var server = await StartAsync(Draining() with
        {
            Build = builder =>
            {
                builder.Services.AddSingleton<TimeProvider>(Time);
                builder.Services.Configure<HostOptions>(host => host.ShutdownTimeout = Timeout.InfiniteTimeSpan);
            },
        });
        await using var client = await ConnectAsync(server);
        await RotateAsync(server);
        Time.Advance(TimeSpan.FromSeconds(Grace + 1));

        await server.StopAsync().WaitAsync(Generous);
        await server.DisposeAsync();
    }

    [Fact]
    public async Task A_drain_that_is_set_up_wrongly_fails_the_start_of_the_server()
    {
        Write(SelfMadePair.Make());
        var twice = await FailAsync(listen => listen.UseCertificateDrain().UseCertificateDrain());
        Assert.Contains("called before", twice.Message, StringComparison.Ordinal);
        var invalid = await FailAsync(listen => listen.UseCertificateDrain(drain => drain.HardLimit = TimeSpan.Zero));
        Assert.IsType<CertificateOptionsException>(invalid);

        var early = await Assert.ThrowsAsync<InvalidOperationException>(async () =>
        {
            var builder = WebApplication.CreateSlimBuilder(["--hostBuilder:reloadConfigOnChange=false"]);
            builder.WebHost.ConfigureKestrel(kestrel => kestrel.Listen(IPAddress.Loopback, 0, listen => listen.UseCertificateDrain()));
            await using var app = builder.Build();
            await app.StartAsync();
        });
        Assert.Contains("call UseCertificates on the endpoint first", early.Message, StringComparison.Ordinal);

        async Task<Exception> FailAsync(Action<ListenOptions> listen) =>
            await Assert.ThrowsAnyAsync<Exception>(() => KestrelServer.StartAsync(Pair, new KestrelServer.Additions { Listen = listen }));
    }

    private static bool IsLast(string? response) => response?.Contains("\r\nConnection: close\r\n", StringComparison.Ordinal) == true;

    private Task<KestrelServer> StartAsync() => StartAsync(Draining());

    private Task<KestrelServer> StartAsync(KestrelServer.Additions additions) => StartServerAsync(additions with
    {
        Map = app =>
        {
            app.MapGet("/hold", (Delegate)HoldAsync);
            app.MapPost("/echo", (Delegate)EchoAsync);
            app.UseWebSockets();
            app.Map("/socket", EchoMessagesAsync);
        },
    });

    private async Task<string> HoldAsync(HttpContext context)
    {
        Interlocked.Increment(ref _held);
        try
        {
            await _release.Task.WaitAsync(context.RequestAborted);
        }
        catch (OperationCanceledException)
        {
            _aborted.TrySetResult();
            throw;
        }

        return "held";
    }

    private static async Task<string> EchoAsync(HttpContext context)
    {
        using var body = new StreamReader(context.Request.Body);
        return await body.ReadToEndAsync();
    }

    private static async Task EchoMessagesAsync(HttpContext context)
    {
        using var socket = await context.WebSockets.AcceptWebSocketAsync();
        var buffer = new byte[16];
        while (true)
        {
            var received = await socket.ReceiveAsync(buffer, context.RequestAborted);
            await socket.SendAsync(buffer.AsMemory(0, received.Count), received.MessageType, received.EndOfMessage, context.RequestAborted);
        }
    }

    private Task HeldAsync(int requests) => Wait.UntilAsync(() => Volatile.Read(ref _held) == requests);

    private static async Task<Http1Client> ConnectAsync(KestrelServer server) => new(await server.ConnectAsync());

    private static HttpClient Client(KestrelServer server, Version version, ConcurrentQueue<string>? leaves = null)
    {
        var handler = new SocketsHttpHandler();
        handler.SslOptions.RemoteCertificateValidationCallback = (_, certificate, _, _) =>
        {
            leaves?.Enqueue(certificate!.GetCertHashString(HashAlgorithmName.SHA256).ToLowerInvariant());
            return certificate is not null;
        };
        return new HttpClient(handler)
        {
            BaseAddress = new Uri($"https://localhost:{server.Endpoints[0].Port}"),
            DefaultRequestVersion = version,
            DefaultVersionPolicy = HttpVersionPolicy.RequestVersionExact,
            Timeout = Generous,
        };
    }

    private static Inbox Subscribe(KestrelServer server)
    {
        var inbox = Inbox.Create(server.System);
        server.System.EventStream.Subscribe(inbox.Receiver, typeof(GenerationDrained));
        return inbox;
    }

    private static async Task<IEnumerable<(long, int)>> ConnectionsAsync(KestrelServer server)
    {
        using var limit = new CancellationTokenSource(Generous);
        var status = await server.Supervisor.Ask<CertificateSupervisorStatus>(GetStatus.Instance, limit.Token);
        return [.. status.Certificates[0].Connections.Select(generation => (generation.Generation, generation.Open))];
    }
}
