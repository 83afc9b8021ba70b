using CertActors.Diagnostics;

namespace CertActors.Supervision;

/// <summary>A report that what is served comes near its expiry.</summary>
/// <param name="Announcement">What is announced.</param>
/// <param name="Threshold">The threshold that was passed; 0 for the expiry itself.</param>
internal sealed record ExpiryReport(CertificateExpiring Announcement, TimeSpan Threshold)
{
    /// <returns>The report of the leaf that is due; null if no threshold is passed that the last report doesn't cover.</returns>
    /// <remarks>All pairs are checked each minute: it allocates nothing unless a report is due.</remarks>
    public static ExpiryReport? Due(PairState pair, DateTimeOffset now) =>
        pair.Served is { } served && Passed(served.Current, now, pair.Options.ExpiryThresholds) is { } threshold && IsNew(pair.Expiry, served, threshold)
            ? Of(served, served.Current, threshold, now)
            : null;

    /// <returns>The report that is due of the intermediate that expires first, if it does so before the leaf.</returns>
    /// <inheritdoc cref="Due"/>
    public static ExpiryReport? DueOfChain(PairState pair, DateTimeOffset now) =>
        pair.Served is { EndsEarlier: { } first } served
        && Passed(first, now, pair.Options.ExpiryThresholds, served.Current) is { } threshold
        && IsNew(pair.ChainExpiry, served, threshold)
            ? Of(served, first, threshold, now)
            : null;

    /// <param name="certificate">The certificate.</param>
    /// <param name="now">The time.</param>
    /// <param name="thresholds">The remaining lifetimes to report.</param>
    /// <param name="leaf">What an intermediate is sent with: see <see cref="ExpiryThreshold"/>.</param>
    /// <returns>The shortest threshold that is passed, 0 if the certificate has expired; null if none is.</returns>
    public static TimeSpan? Passed(CertificateFacts certificate, DateTimeOffset now, IList<TimeSpan> thresholds, CertificateFacts? leaf = null)
    {
        var remaining = certificate.NotAfter - now;
        if (remaining <= TimeSpan.Zero)
            return TimeSpan.Zero;

        var max = ExpiryThreshold.MaxOf(certificate, leaf);
        TimeSpan? passed = null;
        for (var i = 0; i < thresholds.Count; i++)
        {
            var threshold = thresholds[i] < max ? thresholds[i] : max;
            if (remaining <= threshold && !(passed <= threshold))
                passed = threshold;
        }

        return passed;
    }

    private static bool IsNew(ExpiryReport? last, CertificateChanged served, TimeSpan threshold) =>
        !(last?.Announcement.Generation == served.Generation && last.Threshold <= threshold);

    private static ExpiryReport Of(CertificateChanged served, CertificateFacts certificate, TimeSpan threshold, DateTimeOffset now) => new(
        new CertificateExpiring
        {
            Name = served.Name,
            Generation = served.Generation,
            Intermediate = ReferenceEquals(certificate, served.Current) ? null : certificate,
            NotAfter = certificate.NotAfter,
            Remaining = certificate.NotAfter - now,
            At = now,
        },
        threshold);
}
