namespace CertActors.Supervision;

/// <summary>When the end of a certificate's validity is told.</summary>
internal static class ExpiryThresholds
{
    private const int Third = 3;

    /// <returns>The least threshold that what remains has reached, 0 for the end itself; null if none is reached.</returns>
    public static TimeSpan? Reached(CertificateFacts leaf, TimeSpan remaining, IReadOnlyList<TimeSpan> thresholds)
    {
        if (remaining <= TimeSpan.Zero)
            return TimeSpan.Zero;

        TimeSpan[] reached = [.. Of(leaf, thresholds).Where(threshold => remaining <= threshold)];
        return reached.Length > 0 ? reached.Min() : null;
    }

    /// <returns>When the next threshold will be reached; the end of time if all have been.</returns>
    public static DateTimeOffset Next(CertificateFacts leaf, TimeSpan remaining, IReadOnlyList<TimeSpan> thresholds) =>
        remaining <= TimeSpan.Zero
            ? DateTimeOffset.MaxValue
            : leaf.NotAfter - Of(leaf, thresholds).Where(threshold => threshold < remaining).Append(TimeSpan.Zero).Max();

    // A certificate that lives for a week is renewed within it: to tell of 30 days would be to tell of its start.
    private static IEnumerable<TimeSpan> Of(CertificateFacts leaf, IReadOnlyList<TimeSpan> thresholds)
    {
        var max = (leaf.NotAfter - leaf.NotBefore) / Third;
        return thresholds.Select(threshold => threshold < max ? threshold : max);
    }
}
