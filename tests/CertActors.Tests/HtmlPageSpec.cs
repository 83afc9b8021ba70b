using System.Net;
using CertActors.AspNetCore.Page;

namespace CertActors.Tests;

/// <summary>How the page shows what a certificate, a file or a peer says.</summary>
public sealed class HtmlPageSpec
{
    private const string Markup = "<img src=x onerror=\"alert('a')\">";

    private static readonly DateTimeOffset Now = new(2026, 6, 1, 0, 0, 0, TimeSpan.Zero);

    [Fact]
    public void Markup_is_shown_as_text_wherever_it_comes_from()
    {
        var page = HtmlPage.Of(StatusDocument.Of(Status(), Now), "/certificates/events");

        Assert.DoesNotContain("<img", page, StringComparison.Ordinal);
        var places = (page.Length - page.Replace("&lt;img", "", StringComparison.Ordinal).Length) / "&lt;img".Length;
        Assert.Equal(12, places); // Subject, issuer and two names of the pair; two rejections; an authority, three times; a peer; a watch mode; an event.
        Assert.Contains(Markup, WebUtility.HtmlDecode(page), StringComparison.Ordinal);
    }

    [Fact]
    public void Every_event_has_a_kind_and_a_text()
    {
        var kinds = typeof(CertificateEvent).Assembly.GetTypes().Where(type => type.IsSubclassOf(typeof(CertificateEvent)) && !type.IsAbstract);
        Assert.Equal(
            Events().Select(happened => happened.GetType().Name).Distinct().Order(StringComparer.Ordinal),
            kinds.Select(kind => kind.Name).Order(StringComparer.Ordinal));
        Assert.All(Events(), happened => Assert.NotEqual(EventKind.Other, EventText.Of(happened).Kind));
    }

    [Fact]
    public void Before_the_first_load_it_shows_how_the_files_are_watched_and_since_when_their_load_hangs()
    {
        var hanging = Status().Certificates[0] with { LastChange = null, LastFailure = null, LoadStuck = true, LoadStuckSince = Now.AddMinutes(-3) };
        var page = HtmlPage.Body(StatusDocument.Of(Status() with { Certificates = [hanging] }, Now));

        Assert.Contains("<dt>Watched by</dt><dd><bdi>polling, since 2026-05-31 23:00:00 UTC: ", page, StringComparison.Ordinal);
        Assert.Contains("<dt>Load hangs</dt><dd><bdi>since 2026-05-31 23:57:00 UTC</bdi></dd>", page, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(1, 3, 25, "3 days left")]
    [InlineData(5, 0.4, 93, "9 hours left")]
    [InlineData(30, -2.5, 100, "expired 2 days ago")]
    [InlineData(-1, 2, 0, "2 days left")] // It is not valid yet.
    public void A_bar_shows_how_much_of_the_lifetime_has_passed(double daysSince, double daysUntil, int percent, string left)
    {
        var pair = Status().Certificates[0];
        var facts = Facts("CN=pair") with { NotBefore = Now.AddDays(-daysSince), NotAfter = Now.AddDays(daysUntil) };
        var page = HtmlPage.Body(StatusDocument.Of(Status() with { Certificates = [pair with { LastChange = pair.LastChange! with { Current = facts } }] }, Now));

        Assert.Contains($"<progress max=\"100\" value=\"{percent}\" aria-label=\"Lifetime of pair\">{percent} %</progress>", page, StringComparison.Ordinal);
        Assert.Contains($"{facts.NotBefore:yyyy-MM-dd HH:mm:ss} UTC to {facts.NotAfter:yyyy-MM-dd HH:mm:ss} UTC: <b>{left}</b>", page, StringComparison.Ordinal);
    }

    [Fact]
    public void It_shows_the_intermediates_and_that_one_has_expired()
    {
        var pair = Status().Certificates[0];
        var served = pair with { LastFailure = null, LastChange = pair.LastChange! with { Chain = [Facts("CN=lower") with { NotAfter = Now }, Facts("CN=upper")] } };
        var page = HtmlPage.Body(StatusDocument.Of(Status() with { Certificates = [served] }, Now));

        Assert.Contains("<dt>Sent with it</dt><dd><bdi>CN=lower, until 2026-06-01 00:00:00 UTC</bdi></dd>", page, StringComparison.Ordinal);
        Assert.Contains("CN=upper, until", page, StringComparison.Ordinal);
        Assert.Contains("an intermediate has expired", page, StringComparison.Ordinal);
    }

    [Fact]
    public void A_check_of_the_files_is_no_change_until_it_was_long_ago()
    {
        var status = Status();
        Assert.Contains("<dd><bdi>less than 2 minutes ago</bdi></dd>", At(1), StringComparison.Ordinal);
        Assert.Equal(At(1), At(110));
        Assert.Contains("<dt>Last found good</dt><dd><bdi>2026-05-31 23:55:00 UTC</bdi></dd>", At(300), StringComparison.Ordinal);

        string At(int secondsAgo) => HtmlPage.Body(StatusDocument.Of(
            status with { Certificates = [status.Certificates[0] with { LastCheck = Now.AddSeconds(-secondsAgo) }] }, Now));
    }

    [Fact]
    public void It_shows_who_still_needs_an_authority_unless_no_peer_was_seen_at_all()
    {
        var status = Status();
        Assert.Contains("<td>7</td><td>2026-06-01 00:00:00 UTC</td><td><ul><li>", HtmlPage.Body(StatusDocument.Of(status, Now)), StringComparison.Ordinal);

        var unused = Accepted() with { Handshakes = 0, LastSeen = null, SoonestToExpire = [] };
        Assert.Contains("none since", Shown(Accepted(), unused), StringComparison.Ordinal);
        Assert.DoesNotContain("Accepted peers", Shown(unused), StringComparison.Ordinal);

        string Shown(params AcceptedPeers[] accepted) =>
            HtmlPage.Body(StatusDocument.Of(status with { TrustBundles = [status.TrustBundles[0] with { Accepted = accepted }] }, Now));
    }

    [Fact]
    public void It_shows_a_removed_pair_beside_the_next_one_of_its_name()
    {
        var removed = new RemovedCertificateStatus
        {
            Name = "pair",
            Connections = [new GenerationConnections { Generation = 3, Open = 2, SupersededAt = Now }],
        };

        var page = HtmlPage.Body(StatusDocument.Of(Status() with { Removed = [removed] }, Now));
        Assert.Contains("<article id=\"removed-pair\" class=\"warn\"><h3>pair <span class=\"state\">removed, not drained</span></h3>", page, StringComparison.Ordinal);
        Assert.Contains("<td>3</td><td>2</td><td>2026-06-01 00:00:00 UTC</td>", page, StringComparison.Ordinal);

        page = HtmlPage.Body(StatusDocument.Of(Status() with { Removed = [removed with { Served = Events().OfType<CertificateChanged>().Single() }] }, Now));
        Assert.Contains("removed, still the default", page, StringComparison.Ordinal);
        Assert.DoesNotContain("Removed", HtmlPage.Body(StatusDocument.Of(Status(), Now)), StringComparison.Ordinal);
    }

    private static AcceptedPeers Accepted() => new()
    {
        Authority = Facts($"CN={Markup}"),
        Since = Now.AddDays(-1),
        Handshakes = 7,
        LastSeen = Now,
        SoonestToExpire = [new SeenPeer { Subject = Markup, NotAfter = Now.AddDays(1), LastSeen = Now }],
    };

    private static CertificateFacts Facts(string subject) => new()
    {
        Sha256 = "00",
        SerialNumber = "01",
        Subject = subject,
        Issuer = $"CN=issuer {subject}",
        DnsNames = [Markup, Markup],
        NotBefore = Now.AddDays(-1),
        NotAfter = Now.AddDays(1),
    };

    private static CertificateReloadFailed Failure() => new() { Name = "pair", At = Now, Reason = RejectionReason.Expired, Message = Markup, StillServed = null };

    private static IEnumerable<CertificateEvent> Events() =>
    [
        new CertificateChanged { Name = "pair", At = Now, Generation = 1, Reason = ReloadReason.Start, Previous = null, Current = Facts($"CN={Markup}") },
        new TrustBundleChanged
        {
            Name = "bundle", At = Now, Generation = 1, Reason = ReloadReason.Start, Added = [], Removed = [], Authorities = [Facts($"CN={Markup}")], RevocationLists = [],
        },
        Failure(),
        new TrustBundleReloadFailed { Name = "bundle", At = Now, Reason = RejectionReason.Expired, Message = Markup, StillServed = 1 },
        new CertificateExpiring { Name = "pair", At = Now, Generation = 1, NotAfter = Now, Remaining = TimeSpan.Zero },
        new CertificateExpiring { Name = "pair", At = Now, Generation = 1, Intermediate = Facts("CN=lower"), NotAfter = Now, Remaining = TimeSpan.Zero },
        new TrustBundleExpiring { Name = "bundle", At = Now, Generation = 1, Authority = Facts("CN=authority"), NotAfter = Now, Remaining = TimeSpan.FromDays(1) },
        new CertificateRemoved { Name = "pair", At = Now, Generation = 1 },
        new TrustBundleRemoved { Name = "bundle", At = Now, Generation = 1 },
        new GenerationDrained { Name = "pair", At = Now, Generation = 1, SupersededAt = Now },
        new WatchModeChanged { Name = "pair", At = Now, Mode = WatchMode.Polling, Message = "no events" },
    ];

    private static CertificateSupervisorStatus Status() => new()
    {
        Certificates =
        [
            new CertificateStatus
            {
                Name = "pair",
                LastChange = Events().OfType<CertificateChanged>().Single(),
                LastFailure = Failure(),
                WatchMode = WatchMode.Polling,
                WatchModeSince = Now.AddHours(-1),
                WatchModeMessage = Markup,
                LoadStuck = false,
                Loads = new LoadCounts(),
            },
        ],
        TrustBundles =
        [
            new TrustBundleStatus
            {
                Name = "bundle",
                LastChange = Events().OfType<TrustBundleChanged>().Single(),
                LastFailure = Events().OfType<TrustBundleReloadFailed>().Single(),
                WatchMode = WatchMode.Events,
                LoadStuck = false,
                Loads = new LoadCounts(),
                Accepted = [Accepted()],
            },
        ],
        Recent = [Failure()],
    };
}
