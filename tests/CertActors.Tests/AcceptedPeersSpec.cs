using System.Security.Cryptography.X509Certificates;
using CertActors.Holding;
using CertActors.Reloading.Formats;
using CertActors.Tests.Support;

namespace CertActors.Tests;

/// <summary>What is remembered of the peers that a trust bundle has accepted.</summary>
public sealed class AcceptedPeersSpec : PipelineKit
{
    private const string BundlePath = "/trust/ca.pem";

    private static readonly TestAuthority One = new("one");
    private static readonly TestAuthority Other = new("other");
    private static readonly DateTimeOffset Start1 = TestTime.Start.AddYears(1);

    private readonly PeerAcceptances _peers = new();
    private DateTimeOffset _now = Start1;

    public AcceptedPeersSpec()
    {
        _peers.Follow([FactsOf(One), FactsOf(Other)], _now);
    }

    [Fact]
    public void An_authority_that_no_peer_needs_shows_no_handshakes()
    {
        var leaf = LeafOf(One, days: 30);
        Accept(One, leaf);
        _now += TimeSpan.FromHours(1);
        Accept(One, leaf);

        var (one, other) = (Peers("CN=one"), Peers("CN=other"));
        Assert.Equal((2, _now, Start1), (one.Handshakes, one.LastSeen, one.Since));
        Assert.Equal((leaf.NotAfter.ToUniversalTime(), _now), (one.EarliestExpiry, Assert.Single(one.SoonestToExpire).LastSeen));
        Assert.Equal((0, null, null), (other.Handshakes, other.LastSeen, other.EarliestExpiry));
        Assert.Empty(other.SoonestToExpire);
    }

    [Fact]
    public void The_ten_that_expire_first_are_listed_whatever_the_order_in_which_they_come()
    {
        foreach (var days in Enumerable.Range(1, 30).OrderBy(day => day * 7 % 31))
            Accept(One, LeafOf(One, days));

        var one = Peers("CN=one");
        Assert.Equal(30, one.Handshakes);
        Assert.Equal(Enumerable.Range(1, 10), one.SoonestToExpire.Select(peer => (int)Math.Round((peer.NotAfter - Start1).TotalDays)));
        Assert.StartsWith("CN=test-", one.SoonestToExpire[0].Subject, StringComparison.Ordinal);
    }

    [Fact]
    public void A_certificate_that_was_not_seen_for_a_day_is_forgotten_and_makes_room()
    {
        var renewed = LeafOf(One, days: 1);
        foreach (var days in Enumerable.Range(2, 9))
            Accept(One, LeafOf(One, days));
        Accept(One, renewed);
        _now += TimeSpan.FromHours(24) + TimeSpan.FromSeconds(1);
        var current = LeafOf(One, days: 400);
        Accept(One, current);

        Assert.Equal(current.NotAfter.ToUniversalTime(), Peers("CN=one").EarliestExpiry);
        _now += TimeSpan.FromDays(2);
        Assert.Null(Peers("CN=one").EarliestExpiry);
        Assert.Equal(11, Peers("CN=one").Handshakes);
    }

    [Fact]
    public void One_that_expires_later_than_ten_others_is_listed_with_its_next_handshake_once_these_are_forgotten()
    {
        var eleventh = LeafOf(One, days: 400);
        foreach (var days in Enumerable.Range(2, 10))
            Accept(One, LeafOf(One, days));
        _now += TimeSpan.FromHours(23);
        Accept(One, eleventh);
        _now += TimeSpan.FromHours(2);
        Assert.Equal((null, _now - TimeSpan.FromHours(2)), (Peers("CN=one").EarliestExpiry, Peers("CN=one").LastSeen));

        Accept(One, eleventh);

        Assert.Equal(eleventh.NotAfter.ToUniversalTime(), Peers("CN=one").EarliestExpiry);
    }

    [Fact]
    public void An_authority_that_stays_in_the_bundle_keeps_its_count_and_one_that_leaves_does_not()
    {
        Accept(One, LeafOf(One, days: 1));
        _peers.Follow([FactsOf(One)], _now);
        Accept(Other, LeafOf(Other, days: 1)); // A handshake that began before.

        Assert.Equal(1, Assert.Single(_peers.At(_now)).Handshakes);
        _peers.Follow([FactsOf(One), FactsOf(Other)], _now);
        Assert.Equal((1, 0), (Peers("CN=one").Handshakes, Peers("CN=other").Handshakes));
    }

    [Fact]
    public void Threads_that_accept_at_the_same_time_lose_no_handshake()
    {
        X509Certificate2[] leaves = [.. Enumerable.Range(1, 20).Select(days => LeafOf(One, days))];
        Parallel.For(0, 2000, i => _peers.Recorder(AcceptedBy(One), leaves[i % leaves.Length], Start1));

        Assert.Equal(2000, Peers("CN=one").Handshakes);
        Assert.Equal(leaves[..10].Select(leaf => leaf.NotAfter.ToUniversalTime()), Peers("CN=one").SoonestToExpire.Select(peer => peer.NotAfter.UtcDateTime));
    }

    [Theory]
    [InlineData(1)]
    [InlineData(11)]
    public void A_peer_that_is_listed_or_expires_later_allocates_nothing(int days)
    {
        foreach (var listed in Enumerable.Range(1, 10))
            Accept(One, LeafOf(One, listed));
        var (leaf, accepted) = (LeafOf(One, days), AcceptedBy(One));
        for (var i = 0; i < 100; i++)
            _peers.Recorder(accepted, leaf, _now);

        var before = GC.GetAllocatedBytesForCurrentThread();
        for (var i = 0; i < 1000; i++)
            _peers.Recorder(accepted, leaf, _now);
        Assert.InRange(GC.GetAllocatedBytesForCurrentThread() - before, 0, 1000);
    }

    [Fact]
    public void The_status_and_the_metrics_show_them_from_the_first_load_on()
    {
        Write(TestPair.Make());
        Files.Write(BundlePath, One.CertificatePem + Other.CertificatePem);
        Start(new CertificatesOptions
        {
            Certificates = [Options()],
            TrustBundles = [new() { Name = "clients", CertificatePaths = [BundlePath] }],
        });
        Holder.FindAcceptances("clients")!.Recorder(AcceptedBy(One), LeafOf(One, days: 1), Holder.UtcNow());

        var status = Assert.Single(StatusOfAll().TrustBundles);
        Assert.Equal([("CN=one", 1), ("CN=other", 0)], status.Accepted.Select(one => (one.Authority.Subject, one.Handshakes)));
        using var metrics = new MetricReader(Meter);
        Assert.Equal(1, metrics.Value("certactors.peers.accepted", ("certactors.authority", "CN=one")));
        Assert.Equal(0, metrics.Value("certactors.peers.accepted", ("certactors.authority", "CN=other")));
        Assert.Equal(Start1.AddDays(1).ToUnixTimeSeconds(), metrics.Value("certactors.peers.not_after"));

        Files.Write(BundlePath, One.CertificatePem);
        Raise(BundlePath);
        AdvancePastDebounce();
        Assert.Equal(1, metrics.Value("certactors.peers.accepted"));
        Stop();
        Assert.Empty(metrics.Read());
    }

    private AcceptedPeers Peers(string subject) => _peers.At(_now).Single(one => one.Authority.Subject == subject);

    private void Accept(TestAuthority authority, X509Certificate2 leaf) => _peers.Recorder(AcceptedBy(authority), leaf, _now);

    private static TrustResult AcceptedBy(TestAuthority authority) => new() { Refusal = null, Message = "", Authority = FactsOf(authority) };

    private static X509Certificate2 LeafOf(TestAuthority issuer, int days) =>
        X509Certificate2.CreateFromPem(new TestLeaf { Issuer = issuer, NotAfter = Start1.AddDays(days) }.Make().CertificatePem);

    private static CertificateFacts FactsOf(TestAuthority authority)
    {
        using var certificate = X509Certificate2.CreateFromPem(authority.CertificatePem);
        return certificate.ToFacts();
    }
}
