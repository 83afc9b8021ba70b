using CertActors.Diagnostics;
using static CertActors.Hosting.CertificateHealthReason;

namespace CertActors.Hosting;

/// <summary>What is wrong with the pairs and trust bundles of a supervisor.</summary>
internal static class CertificateHealth
{
    /// <returns>At most one of each reason for a pair or bundle.</returns>
    public static IReadOnlyList<CertificateHealthIssue> IssuesOf(CertificateSupervisorStatus status, DateTimeOffset now, CertificateHealthOptions options) =>
        [.. status.Certificates.SelectMany(pair => IssuesOf(pair, now, options)), .. status.TrustBundles.SelectMany(bundle => IssuesOf(bundle, now, options))];

    private static IEnumerable<CertificateHealthIssue> IssuesOf(CertificateStatus pair, DateTimeOffset now, CertificateHealthOptions options)
    {
        if (pair.LastChange is not { } served)
        {
            yield return Of(pair.Name, NotServed, pair.LastFailure?.At, pair.LastFailure?.Message ?? "no load has ended yet.");
        }
        else
        {
            // The soonest of each reason stands for all.
            var ending = served.Chain
                .Where(intermediate => intermediate.NotAfter < served.Current.NotAfter)
                .OrderBy(intermediate => intermediate.NotAfter)
                .Select(intermediate => OfLifetime(pair.Name, intermediate, $"the intermediate {intermediate.Subject}", now, options, served.Current))
                .Append(OfLifetime(pair.Name, served.Current, "the certificate", now, options))
                .OfType<CertificateHealthIssue>()
                .DistinctBy(issue => issue.Reason);
            foreach (var issue in ending)
                yield return issue;
        }

        if (pair is { LastChange: not null, LastFailure: { } failure })
            yield return Of(pair.Name, Rejected, failure.At, failure.Message);
        if (OfLoads(pair.Name, pair.LoadStuck, pair.LoadStuckSince) is { } stuck)
            yield return stuck;
        if (OfWatch(pair.Name, pair.WatchMode, pair.WatchModeSince, pair.WatchModeMessage, options) is { } polling)
            yield return polling;
    }

    private static IEnumerable<CertificateHealthIssue> IssuesOf(TrustBundleStatus bundle, DateTimeOffset now, CertificateHealthOptions options)
    {
        if (bundle.LastChange is not { } served)
        {
            yield return Of(bundle.Name, NotServed, bundle.LastFailure?.At, bundle.LastFailure?.Message ?? "no load has ended yet.");
        }
        else
        {
            // The soonest of each reason stands for all.
            var ending = served.Authorities
                .OrderBy(authority => authority.NotAfter)
                .Select(authority => OfLifetime(bundle.Name, authority, $"the authority {authority.Subject}", now, options))
                .OfType<CertificateHealthIssue>()
                .DistinctBy(issue => issue.Reason);
            foreach (var issue in ending)
                yield return issue;
            if (served.RevocationLists.Where(list => list.NextUpdate < now).MinBy(list => list.NextUpdate) is { } stale)
                yield return Of(bundle.Name, StaleRevocationList, stale.NextUpdate, $"the revocation list of {stale.Issuer} is stale since {stale.NextUpdate:u}; write the next one.");
        }

        if (bundle is { LastChange: not null, LastFailure: { } failure })
            yield return Of(bundle.Name, Rejected, failure.At, failure.Message);
        if (OfLoads(bundle.Name, bundle.LoadStuck, bundle.LoadStuckSince) is { } stuck)
            yield return stuck;
        if (OfWatch(bundle.Name, bundle.WatchMode, bundle.WatchModeSince, bundle.WatchModeMessage, options) is { } polling)
            yield return polling;
    }

    private static CertificateHealthIssue? OfLifetime(
        string name, CertificateFacts certificate, string what, DateTimeOffset now, CertificateHealthOptions options, CertificateFacts? leaf = null)
    {
        var max = ExpiryThreshold.MaxOf(certificate, leaf);
        var since = certificate.NotAfter - (options.ExpiryThreshold < max ? options.ExpiryThreshold : max);
        return now >= certificate.NotAfter ? Of(name, Expired, certificate.NotAfter, $"{what} expired at {certificate.NotAfter:u}; renew it.")
            : now >= since ? Of(name, Expiring, since, $"{what} expires at {certificate.NotAfter:u}; check that it is being renewed.")
            : null;
    }

    private static CertificateHealthIssue? OfLoads(string name, bool isStuck, DateTimeOffset? since) =>
        isStuck ? Of(name, Stuck, since, "a load that was given up still runs; check whether the disk responds.") : null;

    // Until the first inspection of its paths has ended, it is not known whether events are available.
    private static CertificateHealthIssue? OfWatch(string name, WatchMode mode, DateTimeOffset? since, string? message, CertificateHealthOptions options) =>
        mode == WatchMode.Polling && since is not null && options.ExpectEvents
            ? Of(name, Polling, since, $"changes are noticed by polling alone, as no file events are available: {message}.")
            : null;

    private static CertificateHealthIssue Of(string name, CertificateHealthReason reason, DateTimeOffset? since, string message) =>
        new() { Name = name, Reason = reason, Since = since, Message = Printable.Of(message) };
}
