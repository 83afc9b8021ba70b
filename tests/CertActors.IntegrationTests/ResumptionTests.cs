using System.Net;
using System.Net.Security;
using System.Security.Authentication;
using CertActors.Tests.Support;

namespace CertActors.IntegrationTests;

/// <summary>
/// What rotations do to the sessions of servers of this library, Kestrel and SslStream, with real files and actors. <see cref="SessionTests"/> has what
/// .NET and OpenSSL do.
/// </summary>
public sealed class ResumptionTests : MutualTlsKit
{
    private SslProtocols _version;
    private EndPoint _server = new IPEndPoint(IPAddress.None, 0);
    private string _request = GetRequest;

    public static TheoryData<SslProtocols, string> Servers => new()
    {
        { SslProtocols.Tls12, "Kestrel" },
        { SslProtocols.Tls13, "Kestrel" },
        { SslProtocols.Tls12, "SslStream" },
        { SslProtocols.Tls13, "SslStream" },
    };

    [Theory]
    [MemberData(nameof(Servers))]
    public async Task Sessions_are_resumed_until_the_pair_is_swapped_and_new_ones_after_that(SslProtocols version, string server)
    {
        await StartAsync(version, server);
        var client = Client(Trusted);
        var first = Holder.Current!.Facts.Sha256;
        await KeepSessionsAsync(client);
        Assert.Equal((true, false, first), await HandshakeWithLeafAsync(client));
        Assert.Equal((true, true, first), await HandshakeWithLeafAsync(client));

        var next = await SwapPairAsync();

        await KeepSessionsAsync(client);
        Assert.Equal((true, false, next.Sha256), await HandshakeWithLeafAsync(client));
        Assert.Equal((true, true, next.Sha256), await HandshakeWithLeafAsync(client));
    }

    [Theory]
    [MemberData(nameof(Servers))]
    public async Task A_client_of_an_authority_that_is_removed_from_the_bundle_is_refused_although_it_resumes_its_session(SslProtocols version, string server)
    {
        await StartAsync(version, server);
        var (removed, added) = (Client(Trusted), Client(Other));
        await KeepSessionsAsync(removed);
        Assert.Equal((true, false), await HandshakeAsync(removed));
        Assert.Equal((true, true), await HandshakeAsync(removed));
        Assert.Equal((false, false), await HandshakeAsync(added));

        await SwapAsync(BundlePath, Other.CertificatePem);

        Assert.Equal((false, true), await HandshakeAsync(removed));
        Assert.True((await HandshakeAsync(added)).IsAccepted);
        Assert.Equal([2], (await StatusAsync()).Refused.Select(count => count.Count));
    }

    [Theory]
    [MemberData(nameof(Servers))]
    public async Task A_client_that_is_revoked_is_refused_although_it_resumes_its_session(SslProtocols version, string server)
    {
        await StartAsync(version, server);
        var pair = ClientPair(Trusted);
        var (revoked, other) = (Context(pair), Client(Trusted));
        foreach (var client in (SslStreamCertificateContext[])[revoked, other])
        {
            await KeepSessionsAsync(client);
            Assert.Equal((true, false), await HandshakeAsync(client));
            Assert.Equal((true, true), await HandshakeAsync(client));
        }

        await SwapAsync(ListPath, List(2, TestRevocationList.SerialOf(pair.CertificatePem)));

        Assert.Equal((false, true), await HandshakeAsync(revoked));
        Assert.Equal((true, true), await HandshakeAsync(other));
        Assert.Equal(TrustRefusal.Revoked, Assert.Single((await StatusAsync()).Refused).Refusal);
    }

    [Theory]
    [MemberData(nameof(Servers))]
    public async Task A_client_of_an_intermediate_resumes_its_session_until_the_intermediate_is_revoked(SslProtocols version, string server)
    {
        await StartAsync(version, server);
        var intermediate = Intermediate("intermediate");
        var client = Client(intermediate, intermediate);
        await KeepSessionsAsync(client);
        Assert.Equal((true, false), await HandshakeAsync(client));
        Assert.Equal((true, true), await HandshakeAsync(client));
        await SwapAsync(ListPath, List(2));
        Assert.Equal((true, true), await HandshakeAsync(client));

        await SwapAsync(ListPath, List(3, TestRevocationList.SerialOf(intermediate.CertificatePem)));

        Assert.Equal((false, true), await HandshakeAsync(client));
    }

    private async Task StartAsync(SslProtocols version, string server)
    {
        _version = version;
        await StartAsync(Require);
        if (server == "Kestrel")
        {
            _server = Endpoint;
            return;
        }

        _request = EchoRequest;
        _server = Serve(new CertificateServerOptions { ClientCertificates = ClientCertificates.Require, TrustBundle = "clients" });
    }

    private Task KeepSessionsAsync(SslStreamCertificateContext client) => KeepSessionsAsync(_server, client, _version);

    private async Task<(bool IsAccepted, bool IsResumed)> HandshakeAsync(SslStreamCertificateContext client)
    {
        var (isAccepted, isResumed, _) = await HandshakeWithLeafAsync(client);
        return (isAccepted, isResumed);
    }

    private async Task<(bool IsAccepted, bool IsResumed, string? Leaf)> HandshakeWithLeafAsync(SslStreamCertificateContext client)
    {
        var exchange = await ExchangeAsync(_server, client, _version, _request);
        return (exchange.Answer is not null, exchange.Handshake.IsResumed, exchange.Leaf);
    }
}
