using System.Net;
using System.Net.Security;
using System.Net.Sockets;
using System.Security.Authentication;
using CertActors.Tests.Support;

namespace CertActors.IntegrationTests;

/// <summary>What servers see of an <see cref="SslStream"/> client with the holder's options, and whom it trusts.</summary>
public sealed class ClientOptionsTests
{
    private const string NoTargetHost = "the client's options name no host that it must be issued for; set their TargetHost.";

    private static readonly TimeSpan Generous = TimeSpan.FromSeconds(60);

    // Sessions are resumed by host name in the whole process: each test has authorities of its own.
    private readonly TestAuthority _authority = new("server root");

    public static TheoryData<SslProtocols> Versions => [SslProtocols.Tls12, SslProtocols.Tls13];

    [Theory]
    [MemberData(nameof(Versions))]
    public async Task The_certificate_of_an_intermediate_is_sent_with_its_chain(SslProtocols version)
    {
        await using var client = await RotatingClient.StartAsync(_authority);
        await using var server = await MutualTlsServer.StartAsync(client.Root, Leaf(_authority));

        await ConnectAsync(server, Options(client, version));
        var next = await client.RotateAsync();
        await ConnectAsync(server, Options(client, version));

        Assert.All(server.Handshakes, seen => Assert.Equal((1, true), (seen.Intermediates, seen.IsComplete)));
        Assert.Equal(2, server.Handshakes.Count);
        Assert.Equal(next.Facts.Sha256, server.Handshakes[1].Sha256);
    }

    [Fact]
    public async Task A_selection_callback_would_send_the_leaf_alone_and_the_server_refuses_it()
    {
        await using var client = await RotatingClient.StartAsync(_authority);
        await using var server = await MutualTlsServer.StartAsync(client.Root, Leaf(_authority));
        var options = Options(client, SslProtocols.Tls12);
        options.ClientCertificateContext = null;
        options.LocalCertificateSelectionCallback = (_, _, _, _, _) => client.Current.Leaf;

        Assert.NotNull(await Record.ExceptionAsync(() => ConnectAsync(server, options)));

        Assert.All(server.Handshakes, seen => Assert.Equal(new ClientSeen(client.Current.Facts.Sha256, Intermediates: 0, IsComplete: false), seen));
        Assert.NotEmpty(server.Handshakes);
    }

    [Fact]
    public async Task Without_a_pair_no_certificate_is_sent()
    {
        await using var client = await RotatingClient.StartAsync(_authority);
        await using var server = await MutualTlsServer.StartAsync(client.Root, Leaf(_authority), isLenient: true);
        var options = client.Holder.CreateClientOptions(bundle: RotatingClient.Bundle);
        options.TargetHost = "localhost";

        await ConnectAsync(server, options);

        Assert.Null(Assert.Single(server.Handshakes).Sha256);
    }

    [Theory]
    [MemberData(nameof(Versions))]
    public async Task A_server_of_another_authority_is_refused_with_the_reason(SslProtocols version)
    {
        await using var client = await RotatingClient.StartAsync(new TestAuthority("another root"));
        await using var server = await MutualTlsServer.StartAsync(client.Root, Leaf(_authority));

        var refusal = await Assert.ThrowsAnyAsync<AuthenticationException>(() => ConnectAsync(server, Options(client, version)));

        Assert.StartsWith("The server is refused by the trust bundle servers generation 1.", refusal.Message, StringComparison.Ordinal);
        Assert.Contains("issued by CN=server root", refusal.Message, StringComparison.Ordinal);
        Assert.Contains("leads to no certificate of the trust bundle", refusal.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Without_a_bundle_the_system_decides()
    {
        await using var client = await RotatingClient.StartAsync(_authority);
        await using var server = await MutualTlsServer.StartAsync(client.Root, Leaf(_authority));
        var options = client.Holder.CreateClientOptions(RotatingClient.Pair);
        options.TargetHost = "localhost";

        await Assert.ThrowsAnyAsync<AuthenticationException>(() => ConnectAsync(server, options));
    }

    [Theory]
    [InlineData("other.example", "it was not issued for the host name.")]
    [InlineData("127.0.0.1", "it was not issued for the host name.")]
    [InlineData("", NoTargetHost)]
    [InlineData(null, NoTargetHost)]
    public async Task A_server_with_another_name_is_refused_and_one_without_a_name_with_the_remedy(string? name, string reason)
    {
        await using var client = await RotatingClient.StartAsync(_authority);
        await using var server = await MutualTlsServer.StartAsync(client.Root, Leaf(_authority));
        var options = Options(client, SslProtocols.None);
        options.TargetHost = name;

        var refusal = await Assert.ThrowsAnyAsync<AuthenticationException>(() => ConnectAsync(server, options));

        Assert.EndsWith(reason, refusal.Message, StringComparison.Ordinal);
    }

    [Theory]
    [MemberData(nameof(Versions))]
    public async Task Sessions_are_resumed_between_swaps_and_none_of_before_after_a_swap_of_the_pair(SslProtocols version)
    {
        await using var client = await RotatingClient.StartAsync(_authority);
        await using var server = await MutualTlsServer.StartAsync(client.Root, Leaf(_authority), isLenient: true);

        Assert.Equal((false, true, true), await ConnectThreeTimesAsync());
        var next = await client.RotateAsync();
        Assert.Equal((false, true, true), await ConnectThreeTimesAsync());

        Assert.All(server.Handshakes.Skip(3), seen => Assert.Equal(next.Facts.Sha256, seen.Sha256));
        Assert.Equal([1, 0, 0, 1, 0, 0], server.Handshakes.Select(seen => seen.Intermediates));

        async Task<(bool, bool, bool)> ConnectThreeTimesAsync() =>
            (await ConnectAsync(server, Options(client, version)),
             await ConnectAsync(server, Options(client, version)),
             await ConnectAsync(server, Options(client, version)));
    }

    [Theory]
    [MemberData(nameof(Versions))]
    public async Task A_server_whose_authority_was_removed_is_refused_although_its_session_could_be_resumed(SslProtocols version)
    {
        await using var client = await RotatingClient.StartAsync(_authority);
        await using var server = await MutualTlsServer.StartAsync(client.Root, Leaf(_authority), isLenient: true);
        var before = Options(client, version);
        Assert.False(await ConnectAsync(server, before));
        Assert.True(await ConnectAsync(server, before));

        await client.TrustAsync(new TestAuthority("another root"));

        for (var i = 0; i < 2; i++)
        {
            var refusal = await Assert.ThrowsAnyAsync<AuthenticationException>(() => ConnectAsync(server, Options(client, version)));
            Assert.StartsWith("The server is refused by the trust bundle servers generation 2.", refusal.Message, StringComparison.Ordinal);
        }

        await client.TrustAsync(_authority);
        await ConnectAsync(server, Options(client, version));
    }

    [Theory]
    [MemberData(nameof(Versions))]
    public async Task A_session_that_was_opened_without_any_check_brings_no_server_past_the_bundle(SslProtocols version)
    {
        await using var client = await RotatingClient.StartAsync(new TestAuthority("another root"));
        await using var server = await MutualTlsServer.StartAsync(client.Root, Leaf(_authority), isLenient: true);
        var unchecked_ = Options(client, version);
        unchecked_.CertificateChainPolicy = null;
        unchecked_.RemoteCertificateValidationCallback = (_, certificate, _, _) => certificate is not null;
        Assert.False(await ConnectAsync(server, unchecked_));
        Assert.True(await ConnectAsync(server, unchecked_));

        await Assert.ThrowsAnyAsync<AuthenticationException>(() => ConnectAsync(server, Options(client, version)));
    }

    private static TestPair Leaf(TestAuthority issuer) => new TestLeaf { Issuer = issuer }.Make();

    private static SslClientAuthenticationOptions Options(RotatingClient client, SslProtocols version)
    {
        var options = client.Holder.CreateClientOptions(RotatingClient.Pair, RotatingClient.Bundle);
        options.TargetHost = "localhost";
        options.EnabledSslProtocols = version;
        return options;
    }

    /// <summary>Sends one request, so that the client reads the tickets of TLS 1.3.</summary>
    /// <returns>Whether a session was resumed.</returns>
    private static async Task<bool> ConnectAsync(MutualTlsServer server, SslClientAuthenticationOptions options)
    {
        using var limit = new CancellationTokenSource(Generous);
        using var connection = new TcpClient();
        await connection.ConnectAsync(IPAddress.Loopback, server.Port, limit.Token);
        await using var recorder = new HandshakeRecorder(connection.GetStream());
        await using var tls = new SslStream(recorder);
        await tls.AuthenticateAsClientAsync(options, limit.Token);
        await tls.WriteAsync("GET /who HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"u8.ToArray(), limit.Token);
        using var reader = new StreamReader(tls);
        Assert.StartsWith("HTTP/1.1 200", await reader.ReadToEndAsync(limit.Token), StringComparison.Ordinal);
        return recorder.IsResumed;
    }
}
