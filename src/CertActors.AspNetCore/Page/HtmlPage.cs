using System.Globalization;
using System.Security.Cryptography;
using System.Text;
using System.Text.Encodings.Web;

namespace CertActors.AspNetCore.Page;

/// <summary>Writes the status as HTML. All text that comes from a certificate, a file or a peer is encoded.</summary>
internal static class HtmlPage
{
    // With the default poll interval, files are checked at least once in 70 s. The time of each check would be a change of the whole page, as each pair has
    // its own.
    private static readonly TimeSpan Recently = TimeSpan.FromMinutes(2);

    private static readonly string Style = Resource("page.css");
    private static readonly string Script = Resource("page.js");

    /// <summary>
    /// The <c>Content-Security-Policy</c> (W3C, Content Security Policy Level 3): the style and the script of the page, by their hashes, and connections
    /// to its own server.
    /// </summary>
    public static string SecurityPolicy { get; } =
        $"default-src 'none'; style-src '{HashOf(Style)}'; script-src '{HashOf(Script)}'; connect-src 'self'; " +
        "base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

    /// <param name="status">What is shown.</param>
    /// <param name="events">The path of the stream of changes.</param>
    public static string Of(StatusDocument status, string events) =>
        $"""
        <!DOCTYPE html>
        <html lang="en">
        <head>
        <meta charset="utf-8">
        <meta name="viewport" content="width=device-width, initial-scale=1">
        <meta name="color-scheme" content="light dark">
        <title>Certificates</title>
        <style>{Style}</style>
        </head>
        <body>
        <header><h1>Certificates</h1><p id="live" role="status">as of {Text(Time(status.At))}; reload the page to see changes</p></header>
        <main id="status" data-events="{Text(events)}">
        {Body(status)}
        </main>
        <script>{Script}</script>
        </body>
        </html>

        """;

    /// <summary>What changes. The elements with an id are replaced one by one.</summary>
    public static string Body(StatusDocument status)
    {
        var html = new StringBuilder();
        html.Append("<section aria-labelledby=\"pairs\"><h2 id=\"pairs\">Pairs</h2>\n");
        foreach (var pair in status.Certificates)
            Append(html, pair, status.At);
        html.Append("</section>\n");
        if (status.TrustBundles.Count > 0)
        {
            html.Append("<section aria-labelledby=\"bundles\"><h2 id=\"bundles\">Trust bundles</h2>\n");
            foreach (var bundle in status.TrustBundles)
                Append(html, bundle, status.At);
            html.Append("</section>\n");
        }

        if (status.Removed.Count > 0)
        {
            html.Append("<section aria-labelledby=\"removed\"><h2 id=\"removed\">Removed</h2>\n");
            foreach (var removed in status.Removed)
                Append(html, removed, status.At);
            html.Append("</section>\n");
        }

        html.Append("<section aria-labelledby=\"events\"><h2 id=\"events\">Last events</h2>\n<ol id=\"recent\">\n");
        foreach (var happened in status.Recent.Reverse())
        {
            html.Append(Invariant(
                $"""<li class="{KindClass(happened.Kind)}"><time datetime="{happened.At:O}">{Time(happened.At)}</time> <b>{Text(happened.Name)}</b> <span class="kind">{Text(KindText(happened.Kind))}</span> <bdi>{Text(happened.Message)}</bdi></li>{'\n'}"""));
        }

        return html.Append("</ol></section>").ToString();
    }

    private static void Append(StringBuilder html, StatusDocument.Certificate pair, DateTime now)
    {
        Open(html, "item", pair.Name, StateOf(pair, now));
        if (pair.LastFailure is { } failure)
            AppendFailure(html, failure);
        if (pair is { NotBefore: { } from, NotAfter: { } until })
            AppendLifetime(html, $"Lifetime of {pair.Name}", from, until, now);
        html.Append("<dl>\n");
        if (pair.LastChange is { } change)
        {
            AppendFact(html, "Subject", pair.Subject);
            AppendFact(html, "Issued by", pair.Subject == pair.Issuer ? "itself" : pair.Issuer);
            foreach (var intermediate in pair.Chain)
                AppendFact(html, "Sent with it", Invariant($"{intermediate.Subject}, until {Time(intermediate.NotAfter)}"));
            AppendFact(html, "Names", string.Join(", ", pair.DnsNames.Concat(pair.IpAddresses)));
            AppendFact(html, "Serial number", pair.SerialNumber, isCode: true);
            AppendFact(html, "SHA-256", pair.Sha256, isCode: true);
            AppendFact(html, "Generation", Invariant($"{pair.Generation}, since {Time(change.At)} ({change.Reason})"));
        }

        AppendWatch(html, pair.WatchMode, pair.WatchModeSince, pair.WatchModeMessage);
        AppendLoads(html, pair.Loads, pair.LastCheck, pair.LoadStuckSince, now);
        html.Append("</dl>\n");
        AppendConnections(html, pair.Connections);
        html.Append("</article>\n");
    }

    private static void Append(StringBuilder html, StatusDocument.RemovedCertificate removed, DateTime now)
    {
        Open(html, "removed", removed.Name, ("warn", removed.Generation is null ? "removed, not drained" : "removed, still the default"));
        if (removed is { NotBefore: { } from, NotAfter: { } until })
        {
            AppendLifetime(html, $"Lifetime of {removed.Name}", from, until, now);
            html.Append("<dl>\n");
            AppendFact(html, "Subject", removed.Subject);
            AppendFact(html, "SHA-256", removed.Sha256, isCode: true);
            html.Append("</dl>\n");
        }

        AppendConnections(html, removed.Connections);
        html.Append("</article>\n");
    }

    private static void Append(StringBuilder html, StatusDocument.TrustBundle bundle, DateTime now)
    {
        Open(html, "item", bundle.Name, StateOf(bundle, now));
        if (bundle.LastFailure is { } failure)
            AppendFailure(html, failure);
        foreach (var authority in bundle.Authorities)
        {
            html.Append(Invariant($"<p class=\"authority\"><bdi>{Text(authority.Subject)}</bdi></p>\n"));
            AppendLifetime(html, $"Lifetime of {authority.Subject}", authority.NotBefore, authority.NotAfter, now);
        }

        html.Append("<dl>\n");
        foreach (var list in bundle.RevocationLists)
        {
            AppendFact(html, "Revocation list", Invariant(
                $"{list.Issuer}: {list.Count} revoked, issued {Time(list.ThisUpdate)}, next {(list.NextUpdate is { } next ? Time(next) : "unknown")}"));
        }

        if (bundle.LastChange is { } change)
            AppendFact(html, "Generation", Invariant($"{bundle.Generation}, since {Time(change.At)} ({change.Reason})"));
        AppendWatch(html, bundle.WatchMode, bundle.WatchModeSince, bundle.WatchModeMessage);
        AppendLoads(html, bundle.Loads, bundle.LastCheck, bundle.LoadStuckSince, now);
        if (bundle.Refused.Count > 0)
            AppendFact(html, "Refused peers", string.Join(", ", bundle.Refused.Select(refused => Invariant($"{refused.Count} {refused.Refusal}"))));
        html.Append("</dl>\n");
        AppendAccepted(html, bundle.Accepted);
        html.Append("</article>\n");
    }

    // Answers whether an authority may be removed. A bundle that no peer has used has no table.
    private static void AppendAccepted(StringBuilder html, IReadOnlyList<StatusDocument.Acceptances> all)
    {
        if (!all.Any(accepted => accepted.Handshakes > 0))
            return;
        html.Append("<table><caption>Accepted peers</caption><tr><th scope=\"col\">Authority</th><th scope=\"col\">Handshakes</th><th scope=\"col\">Last</th><th scope=\"col\">Seen within a day, first to expire</th></tr>\n");
        foreach (var accepted in all)
        {
            var last = accepted.LastSeen is { } at ? Time(at) : Invariant($"none since {Time(accepted.Since)}");
            var peers = string.Concat(accepted.SoonestToExpire.Select(peer => $"<li><bdi>{Text(peer.Subject)}</bdi>, {Time(peer.NotAfter)}</li>"));
            html.Append(Invariant(
                $"<tr><td><bdi>{Text(accepted.Subject)}</bdi></td><td>{accepted.Handshakes}</td><td>{last}</td><td>{(peers.Length > 0 ? $"<ul>{peers}</ul>" : "")}</td></tr>\n"));
        }

        html.Append("</table>\n");
    }

    private static void AppendConnections(StringBuilder html, IReadOnlyList<StatusDocument.Connections> connections)
    {
        if (connections.Count == 0)
            return;
        html.Append("<table><caption>Open connections</caption><tr><th scope=\"col\">Generation</th><th scope=\"col\">Open</th><th scope=\"col\">Superseded</th></tr>\n");
        foreach (var open in connections)
            html.Append(Invariant($"<tr><td>{open.Generation}</td><td>{open.Open}</td><td>{(open.SupersededAt is { } at ? Time(at) : "served")}</td></tr>\n"));
        html.Append("</table>\n");
    }

    private static void AppendWatch(StringBuilder html, WatchMode mode, DateTime? since, string? message)
    {
        var text = mode == WatchMode.Events ? "file events and a slow poll" : "polling";
        AppendFact(html, "Watched by", since is { } at ? $"{text}, since {Time(at)}{(mode == WatchMode.Polling ? $": {message}" : "")}" : $"{text}, until file events are available");
    }

    private static void AppendLoads(StringBuilder html, LoadCounts loads, DateTime? lastCheck, DateTime? stuckSince, DateTime now)
    {
        AppendFact(html, "Loads", Invariant($"{loads.Changed} changed, {loads.Unchanged} unchanged, {loads.Rejected} rejected"));
        if (lastCheck is { } checkedAt)
            AppendFact(html, "Last found good", now - checkedAt < Recently ? $"less than {Duration.Of(Recently)} ago" : Time(checkedAt));
        if (stuckSince is { } at)
            AppendFact(html, "Load hangs", $"since {Time(at)}");
    }

    private static void Open(StringBuilder html, string kind, string name, (string Class, string Text) state) => html.Append(
        $"""<article id="{kind}-{Text(name)}" class="{state.Class}"><h3>{Text(name)} <span class="state">{Text(state.Text)}</span></h3>{'\n'}""");

    private static void AppendFailure(StringBuilder html, StatusDocument.Failure failure) => html.Append(Invariant(
        $"<p class=\"failure\"><strong>Rejected since {Time(failure.At)} ({failure.Reason}).</strong> <bdi>{Text(failure.Message)}</bdi></p>\n"));

    private static void AppendLifetime(StringBuilder html, string label, DateTime from, DateTime until, DateTime now)
    {
        var share = until > from ? Math.Clamp((now - from) / (until - from), 0, 1) : 1;
        var left = until > now ? $"{Duration.Of(until - now)} left" : $"expired {Duration.Of(now - until)} ago";
        html.Append(Invariant(
            $"""<div class="life"><progress max="100" value="{share * 100:0}" aria-label="{Text(label)}">{share * 100:0} %</progress><p>{Time(from)} to {Time(until)}: <b>{left}</b></p></div>{'\n'}"""));
    }

    private static void AppendFact(StringBuilder html, string name, string? value, bool isCode = false)
    {
        if (!string.IsNullOrEmpty(value))
            html.Append(isCode ? $"<dt>{name}</dt><dd><code>{Text(value)}</code></dd>\n" : $"<dt>{name}</dt><dd><bdi>{Text(value)}</bdi></dd>\n");
    }

    private static (string Class, string Text) StateOf(StatusDocument.Certificate pair, DateTime now) => pair switch
    {
        { LastChange: null, LastFailure: null } => ("warn", "not loaded yet"),
        { LastChange: null } => ("bad", "nothing is served"),
        _ when pair.NotAfter <= now => ("bad", "expired"),
        _ when pair.Chain.Any(intermediate => intermediate.NotAfter <= now) => ("bad", "an intermediate has expired"),
        _ => StateOf(pair.LastFailure, pair.LoadStuck, pair.WatchMode),
    };

    private static (string Class, string Text) StateOf(StatusDocument.TrustBundle bundle, DateTime now) => bundle switch
    {
        { LastChange: null, LastFailure: null } => ("warn", "not loaded yet"),
        { LastChange: null } => ("bad", "nothing is trusted"),
        _ when bundle.Authorities.Any(authority => authority.NotAfter <= now) => ("bad", "an authority has expired"),
        _ when bundle.RevocationLists.Any(list => list.NextUpdate <= now) => ("bad", "a revocation list is stale"),
        _ => StateOf(bundle.LastFailure, bundle.LoadStuck, bundle.WatchMode),
    };

    private static (string Class, string Text) StateOf(StatusDocument.Failure? failure, bool isStuck, WatchMode mode) => (failure, isStuck, mode) switch
    {
        ({ }, _, _) => ("warn", "new files rejected"),
        (_, true, _) => ("warn", "a load hangs"),
        (_, _, WatchMode.Polling) => ("warn", "polled"),
        _ => ("good", "served"),
    };

    private static string KindText(EventKind kind) => kind switch
    {
        EventKind.WatchMode => "watch mode",
        _ => kind.ToString().ToLowerInvariant(),
    };

    private static string KindClass(EventKind kind) => kind switch
    {
        EventKind.Rejected or EventKind.Expiring => "warn",
        EventKind.Expired => "bad",
        _ => "good",
    };

    private static string Time(DateTime time) => Invariant($"{time:yyyy-MM-dd HH:mm:ss} UTC");

    private static string Text(string text) => HtmlEncoder.Default.Encode(text);

    private static string Invariant(FormattableString text) => text.ToString(CultureInfo.InvariantCulture);

    private static string HashOf(string text) => $"sha256-{Convert.ToBase64String(SHA256.HashData(Encoding.UTF8.GetBytes(text)))}";

    private static string Resource(string name)
    {
        using var reader = new StreamReader(typeof(HtmlPage).Assembly.GetManifestResourceStream($"CertActors.AspNetCore.Page.{name}")!);
        return reader.ReadToEnd().ReplaceLineEndings("\n");
    }
}
