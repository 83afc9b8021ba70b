using System.Collections.Concurrent;
using System.Net;
using System.Net.Security;
using System.Net.WebSockets;
using System.Security.Authentication;
using System.Text;
using CertActors.Tests.Support;
using Grpc.Core;
using Grpc.Net.Client;
using Microsoft.Extensions.DependencyInjection;

namespace CertActors.IntegrationTests;

/// <summary>HTTP clients whose certificate and trust rotate, before, between and during requests.</summary>
public sealed class CertificateHttpHandlerTests : IAsyncLifetime
{
    private static readonly TimeSpan Generous = TimeSpan.FromSeconds(60);

    private readonly TestAuthority _authority = new("server root");
    private RotatingClient _client = null!;
    private MutualTlsServer _server = null!;

    public static TheoryData<string> Protocols => ["HTTP/1.1", "HTTP/2"];

    public async Task InitializeAsync()
    {
        _client = await RotatingClient.StartAsync(_authority);
        _server = await MutualTlsServer.StartAsync(_client.Root, new TestLeaf { Issuer = _authority }.Make());
    }

    public async Task DisposeAsync()
    {
        await _server.DisposeAsync();
        await _client.DisposeAsync();
    }

    [Theory]
    [MemberData(nameof(Protocols))]
    public async Task After_a_swap_of_the_pair_requests_use_a_new_connection_with_the_new_certificate(string protocol)
    {
        using var http = Http(protocol);
        var first = await WhoAsync(http);
        Assert.Equal(first, await WhoAsync(http));
        Assert.Equal((_client.Current.Facts.Sha256, protocol), (first.Sha256, first.Protocol));

        var next = await _client.RotateAsync();
        var second = await WhoAsync(http);

        Assert.Equal(next.Facts.Sha256, second.Sha256);
        Assert.NotEqual(first.Connection, second.Connection);
        Assert.Equal(second, await WhoAsync(http));
        await Wait.UntilAsync(() => _server.OpenConnections.SequenceEqual([second.Connection]));
    }

    [Theory]
    [MemberData(nameof(Protocols))]
    public async Task Idle_connections_are_closed_after_a_swap_without_a_further_request(string protocol)
    {
        using var http = Http(protocol);
        await WhoAsync(http);
        Assert.Single(_server.OpenConnections);

        await _client.RotateAsync();
        await Wait.UntilAsync(() => _server.OpenConnections.Count == 0);

        await WhoAsync(http);
        await _client.TrustAsync(_authority, new TestAuthority("another root"));
        await Wait.UntilAsync(() => _server.OpenConnections.Count == 0);
        await WhoAsync(http);
    }

    [Theory]
    [MemberData(nameof(Protocols))]
    public async Task A_long_response_that_spans_a_swap_ends_on_its_connection_which_then_closes(string protocol)
    {
        using var http = Http(protocol);
        using var response = await http.GetAsync(new Uri("/long", UriKind.Relative), HttpCompletionOption.ResponseHeadersRead).WaitAsync(Generous);
        using var reader = new StreamReader(await response.Content.ReadAsStreamAsync());
        var during = Who.Parse((await reader.ReadLineAsync().WaitAsync(Generous))!);

        await _client.RotateAsync();
        var after = await WhoAsync(http);
        Assert.NotEqual(during.Connection, after.Connection);
        Assert.Equal([during.Connection, after.Connection], _server.OpenConnections.Order());
        _server.Release();

        Assert.Equal("the end", await reader.ReadToEndAsync().WaitAsync(Generous));
        await Wait.UntilAsync(() => _server.OpenConnections.SequenceEqual([after.Connection]));
    }

    [Theory]
    [MemberData(nameof(Protocols))]
    public async Task A_request_that_waits_for_its_response_during_a_swap_gets_it_and_its_connection_closes(string protocol)
    {
        using var http = Http(protocol);
        var first = _client.Current;
        var waiting = http.GetStringAsync(new Uri("/held", UriKind.Relative));
        await Wait.UntilAsync(() => _server.Waiting == 1);

        var second = await _client.RotateAsync();
        Assert.Equal(second.Facts.Sha256, (await WhoAsync(http)).Sha256);
        await _client.RotateAsync();
        var last = await WhoAsync(http);
        _server.Release();

        Assert.Equal(first.Facts.Sha256, Who.Parse(await waiting.WaitAsync(Generous)).Sha256);
        await Wait.UntilAsync(() => _server.OpenConnections.SequenceEqual([last.Connection]));
    }

    [Theory]
    [MemberData(nameof(Protocols))]
    public async Task A_cancelled_request_keeps_no_connection_of_before_open(string protocol)
    {
        using var http = Http(protocol);
        using var cancellation = new CancellationTokenSource();
        var waiting = http.GetStringAsync(new Uri("/held", UriKind.Relative), cancellation.Token);
        await Wait.UntilAsync(() => _server.Waiting == 1);
        await _client.RotateAsync();

        await cancellation.CancelAsync();

        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => waiting.WaitAsync(Generous));
        await Wait.UntilAsync(() => _server.OpenConnections.Count == 0);
    }

    [Theory]
    [MemberData(nameof(Protocols))]
    public async Task No_request_fails_under_constant_load_with_twenty_rotations_of_the_pair_and_the_bundle_in_turn(string protocol)
    {
        const int Requests = 2_000;
        const int Rotations = 20;
        const int Clients = 8;

        using var http = Http(protocol);
        var seen = new ConcurrentDictionary<string, int>();
        List<string> served = [_client.Current.Facts.Sha256];
        var sent = 0;
        using var ended = new CancellationTokenSource();
        Task[] clients = [.. Enumerable.Range(0, Clients).Select(_ => Task.Run(SendAsync))];

        // Every generation gets its share of the requests, however fast the machine is.
        for (var rotation = 1; rotation <= Rotations; rotation++)
        {
            await UntilSeenAsync(Requests / (Rotations + 1) * rotation);
            if (rotation % 2 == 0)
                await _client.TrustAsync(_authority, new TestAuthority($"another root {rotation}"));
            else
                served.Add((await _client.RotateAsync()).Facts.Sha256);
        }

        await UntilSeenAsync(Requests);
        await ended.CancelAsync();
        await Task.WhenAll(clients).WaitAsync(Generous);

        Assert.Equal(served.Order(), seen.Keys.Order());
        Assert.True(seen.Values.Sum() >= Requests);

        async Task SendAsync()
        {
            while (!ended.IsCancellationRequested)
            {
                var who = await WhoAsync(http);
                seen.AddOrUpdate(who.Sha256, 1, (_, count) => count + 1);
                Interlocked.Increment(ref sent);
            }
        }

        Task UntilSeenAsync(int requests) => Wait.UntilAsync(() =>
            Array.Exists(clients, client => client.IsFaulted) || (Volatile.Read(ref sent) >= requests && seen.ContainsKey(served[^1])));
    }

    [Theory]
    [MemberData(nameof(Protocols))]
    public async Task A_server_may_change_its_authority_when_the_bundle_has_followed(string protocol)
    {
        var next = new TestAuthority("next root");
        using var http = Http(protocol);
        var first = await WhoAsync(http);

        await _client.TrustAsync(_authority, next);
        _server.Use(new TestLeaf { Issuer = next }.Make());
        var second = await WhoAsync(http);
        await _client.TrustAsync(next);
        var third = await WhoAsync(http);

        Assert.Equal(3, ((string[])[first.Connection, second.Connection, third.Connection]).Distinct().Count());
        await Wait.UntilAsync(() => _server.OpenConnections.SequenceEqual([third.Connection]));
    }

    [Theory]
    [InlineData(SslProtocols.Tls12)]
    [InlineData(SslProtocols.Tls13)]
    public async Task A_server_that_resumes_sessions_of_its_old_certificate_is_reached_after_the_old_authority_was_removed(SslProtocols version)
    {
        var next = new TestAuthority("next root");
        using var server = new TicketKeepingServer(version, new TestLeaf { Issuer = _authority }.Make());
        using var http = new HttpClient(_client.Handler()) { BaseAddress = server.Address };
        Assert.False(await IsResumedAsync());
        Assert.True(await IsResumedAsync());

        await _client.TrustAsync(_authority, next);
        server.Use(new TestLeaf { Issuer = next }.Make());
        Assert.True(await IsResumedAsync());
        await _client.TrustAsync(next);

        Assert.False(await IsResumedAsync());
        Assert.False(await IsResumedAsync());
        await _client.RotateAsync();
        Assert.False(await IsResumedAsync());
        Assert.True(await IsResumedAsync());

        async Task<bool> IsResumedAsync()
        {
            Assert.Equal("ok", await http.GetStringAsync((Uri?)null).WaitAsync(Generous));
            return server.HasResumed;
        }
    }

    [Fact]
    public async Task A_server_of_another_authority_is_refused_with_the_reason_after_two_handshakes()
    {
        _server.Use(new TestLeaf { Issuer = new TestAuthority("another root") }.Make());
        using var http = Http("HTTP/2");

        var failure = await Assert.ThrowsAsync<HttpRequestException>(() => WhoAsync(http));

        var reason = Assert.IsAssignableFrom<AuthenticationException>(failure.InnerException);
        Assert.Equal(HttpRequestError.SecureConnectionError, failure.HttpRequestError);
        Assert.Contains("leads to no certificate of the trust bundle", reason.Message, StringComparison.Ordinal);
        Assert.Contains("issued by CN=another root", reason.Message, StringComparison.Ordinal);
        await Wait.UntilAsync(() => _server.Connections == 2);
        await Assert.ThrowsAsync<HttpRequestException>(() => WhoAsync(http));
        await Wait.UntilAsync(() => _server.Connections == 3);
    }

    [Fact]
    public async Task Without_a_bundle_a_server_that_the_system_does_not_trust_is_refused()
    {
        using var http = new HttpClient(new CertificateHttpHandler(_client.Holder, RotatingClient.Pair));

        var failure = await Assert.ThrowsAsync<HttpRequestException>(() => http.GetAsync(new Uri(_server.Address, "/who")));

        Assert.IsAssignableFrom<AuthenticationException>(failure.InnerException);
    }

    [Fact]
    public async Task Cookies_are_kept_across_a_swap()
    {
        using var http = Http("HTTP/1.1");
        Assert.Equal("1", await http.GetStringAsync(new Uri("/visits", UriKind.Relative)).WaitAsync(Generous));

        await _client.RotateAsync();

        Assert.Equal("2", await http.GetStringAsync(new Uri("/visits", UriKind.Relative)).WaitAsync(Generous));
    }

    [Fact]
    public async Task A_request_may_be_sent_synchronously()
    {
        using var http = Http("HTTP/1.1");
        using var request = new HttpRequestMessage(HttpMethod.Get, new Uri("/who", UriKind.Relative));

        using var response = await Task.Run(() => http.Send(request)).WaitAsync(Generous);

        Assert.Equal(_client.Current.Facts.Sha256, Who.Parse(await response.Content.ReadAsStringAsync()).Sha256);
    }

    [Fact]
    public async Task Settings_of_the_user_apply_to_each_generation()
    {
        var connected = new ConcurrentQueue<SslProtocols>();
        using var http = Http("HTTP/1.1", handler =>
        {
            handler.SslOptions.EnabledSslProtocols = SslProtocols.Tls12;
            handler.PlaintextStreamFilter = (context, _) =>
            {
                connected.Enqueue(((SslStream)context.PlaintextStream).SslProtocol);
                return ValueTask.FromResult(context.PlaintextStream);
            };
        });

        await WhoAsync(http);
        await _client.RotateAsync();
        await WhoAsync(http);

        Assert.Equal([SslProtocols.Tls12, SslProtocols.Tls12], connected);
    }

    [Fact]
    public async Task A_disposed_handler_closes_its_idle_connections_and_ends_the_response_that_is_read()
    {
        var handler = _client.Handler();
        using var invoker = new HttpMessageInvoker(handler, disposeHandler: false);
        using var idle = new HttpRequestMessage(HttpMethod.Get, new Uri(_server.Address, "/who"));
        (await invoker.SendAsync(idle, CancellationToken.None).WaitAsync(Generous)).Dispose();
        using var request = new HttpRequestMessage(HttpMethod.Get, new Uri(_server.Address, "/long"));
        using var response = await invoker.SendAsync(request, CancellationToken.None).WaitAsync(Generous);

        handler.Dispose();
        _server.Release();

        Assert.EndsWith("the end", await response.Content.ReadAsStringAsync().WaitAsync(Generous), StringComparison.Ordinal);
        await Wait.UntilAsync(() => _server.OpenConnections.Count == 0);
    }

    [Fact]
    public async Task A_WebSocket_stays_open_across_swaps()
    {
        using var invoker = new HttpMessageInvoker(_client.Handler());
        using var socket = new ClientWebSocket();
        await socket.ConnectAsync(new UriBuilder(_server.Address) { Scheme = "wss", Path = "/socket" }.Uri, invoker, CancellationToken.None).WaitAsync(Generous);
        Assert.Equal("before", await EchoAsync("before"));

        await _client.RotateAsync();
        await _client.RotateAsync();

        Assert.Equal("after", await EchoAsync("after"));
        await socket.CloseAsync(WebSocketCloseStatus.NormalClosure, null, CancellationToken.None).WaitAsync(Generous);
        await Wait.UntilAsync(() => _server.OpenConnections.Count == 0);

        async Task<string> EchoAsync(string text)
        {
            var buffer = new byte[64];
            await socket.SendAsync(Encoding.ASCII.GetBytes(text), WebSocketMessageType.Text, endOfMessage: true, CancellationToken.None).WaitAsync(Generous);
            var received = await socket.ReceiveAsync(buffer, CancellationToken.None).WaitAsync(Generous);
            return Encoding.ASCII.GetString(buffer, 0, received.Count);
        }
    }

    [Fact]
    public async Task With_IHttpClientFactory_each_client_has_the_current_certificate()
    {
        await using var services = new ServiceCollection()
            .AddSingleton(_client.Holder)
            .AddHttpClient("orders", http => http.BaseAddress = _server.Address)
            .ConfigurePrimaryHttpMessageHandler(provider =>
                new CertificateHttpHandler(provider.GetRequiredService<CertificateHolder>(), RotatingClient.Pair, RotatingClient.Bundle))
            .Services
            .BuildServiceProvider();
        var factory = services.GetRequiredService<IHttpClientFactory>();

        Assert.Equal(_client.Current.Facts.Sha256, (await WhoAsync(factory.CreateClient("orders"))).Sha256);
        var next = await _client.RotateAsync();

        Assert.Equal(next.Facts.Sha256, (await WhoAsync(factory.CreateClient("orders"))).Sha256);
    }

    [Fact]
    public async Task With_gRPC_an_open_stream_goes_on_across_a_swap_and_the_next_call_has_the_new_certificate()
    {
        using var channel = GrpcChannel.ForAddress(_server.Address, new GrpcChannelOptions { HttpHandler = _client.Handler(), DisposeHttpClient = true });
        var ticker = new Ticker.TickerClient(channel);
        var first = _client.Current;
        using var stream = ticker.Echo();
        Assert.Equal(1, await EchoAsync(stream, 1));

        var next = await _client.RotateAsync();
        using var later = ticker.Echo();
        Assert.Equal(2, await EchoAsync(stream, 2));
        Assert.Equal(3, await EchoAsync(later, 3));

        Assert.Equal(first.Facts.Sha256, await WhoOfAsync(stream));
        Assert.Equal(next.Facts.Sha256, await WhoOfAsync(later));
        await stream.RequestStream.CompleteAsync().WaitAsync(Generous);
        Assert.False(await stream.ResponseStream.MoveNext(CancellationToken.None).WaitAsync(Generous));
        await Wait.UntilAsync(() => _server.OpenConnections.Count == 1);

        static async Task<int> EchoAsync(AsyncDuplexStreamingCall<Tick, Tick> call, int number)
        {
            await call.RequestStream.WriteAsync(new Tick { Number = number }).WaitAsync(Generous);
            Assert.True(await call.ResponseStream.MoveNext(CancellationToken.None).WaitAsync(Generous));
            return call.ResponseStream.Current.Number;
        }

        static async Task<string> WhoOfAsync(AsyncDuplexStreamingCall<Tick, Tick> call) =>
            Who.Parse((await call.ResponseHeadersAsync.WaitAsync(Generous)).GetValue("who")!).Sha256;
    }

    private static async Task<Who> WhoAsync(HttpClient http) =>
        Who.Parse(await http.GetStringAsync(new Uri("/who", UriKind.Relative)).WaitAsync(Generous));

    private HttpClient Http(string protocol, Action<SocketsHttpHandler>? configure = null) => new(_client.Handler(configure))
    {
        BaseAddress = _server.Address,
        DefaultRequestVersion = protocol == "HTTP/2" ? HttpVersion.Version20 : HttpVersion.Version11,
        DefaultVersionPolicy = HttpVersionPolicy.RequestVersionExact,
    };

    /// <summary>What the server says of a request.</summary>
    private sealed record Who(string Sha256, string Connection, string Protocol)
    {
        public static Who Parse(string text) => text.Split(' ') is [var sha256, var connection, var protocol]
            ? new Who(sha256, connection, protocol)
            : throw new FormatException(text);
    }
}
