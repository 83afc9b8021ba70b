namespace CertActors.Supervision;

/// <summary>A report that a certificate of a trust bundle comes near its expiry, or that a revocation list is stale.</summary>
/// <param name="Announcement">What is announced.</param>
/// <param name="Threshold">The threshold that was passed; 0 for the end itself.</param>
internal sealed record BundleExpiryReport(TrustBundleExpiring Announcement, TimeSpan Threshold)
{
    public string Sha256 => Announcement.Authority?.Sha256 ?? Announcement.RevocationList!.Sha256;

    /// <returns>The reports that are due and that the last reports do not cover.</returns>
    public static IEnumerable<BundleExpiryReport> Due(BundleState bundle, DateTimeOffset now)
    {
        if (bundle.Served is not { } served)
            yield break;

        foreach (var authority in served.Authorities)
        {
            if (ExpiryReport.Passed(authority, now, bundle.Options.ExpiryThresholds) is { } threshold && IsNew(authority.Sha256, threshold))
                yield return new BundleExpiryReport(Of(authority.NotAfter) with { Authority = authority }, threshold);
        }

        foreach (var list in served.RevocationLists)
        {
            if (list.NextUpdate < now && IsNew(list.Sha256, TimeSpan.Zero))
                yield return new BundleExpiryReport(Of(list.NextUpdate.Value) with { RevocationList = list }, TimeSpan.Zero);
        }

        bool IsNew(string sha256, TimeSpan threshold) => !(bundle.Expiries.GetValueOrDefault(sha256)?.Threshold <= threshold);

        TrustBundleExpiring Of(DateTimeOffset end) => new()
        {
            Name = bundle.Name,
            Generation = served.Generation,
            NotAfter = end,
            Remaining = end - now,
            At = now,
        };
    }
}
