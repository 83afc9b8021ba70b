namespace CertActors.Supervision;

/// <summary>A report that what is served comes near its expiry.</summary>
/// <param name="Announcement">What is announced.</param>
/// <param name="Threshold">The threshold that was passed; 0 for the expiry itself.</param>
internal sealed record ExpiryReport(CertificateExpiring Announcement, TimeSpan Threshold)
{
    // A certificate that is valid for a week is renewed within that week: a threshold of 30 days would report it from its start.
    private const int LargestPartOfLifetime = 3;

    /// <returns>The report that is due; null if no threshold is passed that the pair's last report doesn't cover.</returns>
    /// <remarks>All pairs are checked each minute: it allocates nothing unless a report is due.</remarks>
    public static ExpiryReport? Due(PairState pair, DateTimeOffset now)
    {
        if (pair.Served is not { } served || Passed(served.Current, now, pair.Options.ExpiryThresholds) is not { } threshold)
            return null;
        if (pair.Expiry is { } last && last.Announcement.Generation == served.Generation && last.Threshold <= threshold)
            return null;

        var expiring = new CertificateExpiring
        {
            Name = pair.Name,
            Generation = served.Generation,
            NotAfter = served.Current.NotAfter,
            Remaining = served.Current.NotAfter - now,
            At = now,
        };
        return new ExpiryReport(expiring, threshold);
    }

    /// <returns>The shortest threshold that is passed, 0 if the certificate has expired; null if none is.</returns>
    public static TimeSpan? Passed(CertificateFacts leaf, DateTimeOffset now, IList<TimeSpan> thresholds)
    {
        var remaining = leaf.NotAfter - now;
        if (remaining <= TimeSpan.Zero)
            return TimeSpan.Zero;

        var max = (leaf.NotAfter - leaf.NotBefore) / LargestPartOfLifetime;
        TimeSpan? passed = null;
        for (var i = 0; i < thresholds.Count; i++)
        {
            var threshold = thresholds[i] < max ? thresholds[i] : max;
            if (remaining <= threshold && !(passed <= threshold))
                passed = threshold;
        }

        return passed;
    }
}
