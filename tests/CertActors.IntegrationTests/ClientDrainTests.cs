using CertActors.AspNetCore;
using CertActors.Tests.Support;
using Microsoft.AspNetCore.Server.Kestrel.Core;

namespace CertActors.IntegrationTests;

/// <summary>What a swap of the trust bundle does to the open connections of clients, at Kestrel.</summary>
public sealed class ClientDrainTests : MutualTlsKit
{
    [Fact]
    public async Task Clients_of_an_authority_that_was_removed_lose_their_idle_connections_at_once_and_no_others_do()
    {
        File.WriteAllText(BundlePath, Trusted.CertificatePem + Other.CertificatePem);
        await StartAsync(Require, listen: Close);
        await using var removed = await ConnectAsync(Client(Trusted));
        await using var stays = await ConnectAsync(Client(Other));

        await SwapAsync(BundlePath, Other.CertificatePem);

        Assert.Null(await removed.ReceiveAsync());
        Assert.StartsWith("HTTP/1.1 200", await stays.GetAsync(), StringComparison.Ordinal);
        await Wait.UntilAsync(() => Log.Any("no longer trusts their clients; the last (Untrusted): CN=client"));
    }

    [Fact]
    public async Task A_client_that_was_revoked_loses_its_connection_and_no_other_does()
    {
        await StartAsync(Require, listen: Close);
        var pair = ClientPair(Trusted);
        await using var revoked = await ConnectAsync(Context(pair));
        await using var stays = await ConnectAsync(Client(Trusted));

        await SwapAsync(ListPath, List(2, TestRevocationList.SerialOf(pair.CertificatePem)));

        Assert.Null(await revoked.ReceiveAsync());
        Assert.StartsWith("HTTP/1.1 200", await stays.GetAsync(), StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_client_of_an_intermediate_that_was_revoked_loses_its_connection_although_the_intermediate_was_sent_in_the_handshake_alone()
    {
        var (intermediate, other) = (Intermediate("revoked"), Intermediate("other"));
        await StartAsync(Require, listen: Close);
        await using var revoked = await ConnectAsync(Client(intermediate, intermediate));
        await using var stays = await ConnectAsync(Client(other, other));

        await SwapAsync(ListPath, List(2, TestRevocationList.SerialOf(intermediate.CertificatePem)));

        Assert.Null(await revoked.ReceiveAsync());
        Assert.StartsWith("HTTP/1.1 200", await stays.GetAsync(), StringComparison.Ordinal);
        await Wait.UntilAsync(() => Log.Any("no longer trusts their clients; the last (Revoked)"));
    }

    [Fact]
    public async Task A_request_in_progress_is_answered_and_announces_the_end()
    {
        await StartAsync(Require, listen: Close);
        await using var client = await ConnectAsync(Client(Trusted));
        await client.SendAsync("POST /echo HTTP/1.1\r\nHost: localhost\r\nContent-Length: 5\r\n\r\n12");
        await Wait.UntilAsync(() => Requests == 1);

        await SwapAsync(BundlePath, Other.CertificatePem);
        await Wait.UntilAsync(() => Log.Any("no longer trusts their clients"));
        await client.SendAsync("345");
        var response = await client.ReceiveAsync();

        Assert.EndsWith("12345", response, StringComparison.Ordinal);
        Assert.Contains("Connection: close", response, StringComparison.Ordinal);
        Assert.Null(await client.ReceiveAsync());
    }

    [Fact]
    public async Task Without_the_option_a_client_is_verified_in_its_handshakes_alone()
    {
        await StartAsync(Require, listen: listen => listen.UseCertificateDrain());
        await using var client = await ConnectAsync(Client(Trusted));

        await SwapAsync(BundlePath, Other.CertificatePem);
        Assert.Null(await GetAsync(Client(Trusted)));

        Assert.DoesNotContain("Connection: close", await client.GetAsync(), StringComparison.Ordinal);
    }

    private static void Close(ListenOptions listen) =>
        listen.UseCertificateDrain(drain => drain.CloseRefusedClients = true);
}
