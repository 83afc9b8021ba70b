namespace CertActors;

/// <summary>When the end of a certificate's validity is told.</summary>
internal static class ExpiryThresholds
{
    private const int Third = 3;

    /// <returns>The least threshold that what remains has reached, 0 for the end itself; null if none is reached.</returns>
    public static TimeSpan? Reached(CertificateFacts leaf, TimeSpan remaining, IReadOnlyList<TimeSpan> thresholds)
    {
        if (remaining <= TimeSpan.Zero)
            return TimeSpan.Zero;

        // A certificate that lives for a week is renewed within it: to tell of 30 days would be to tell of its start.
        var longest = (leaf.NotAfter - leaf.NotBefore) / Third;
        TimeSpan? reached = null;
        foreach (var each in thresholds)
        {
            var threshold = each < longest ? each : longest;
            if (remaining <= threshold && (reached is null || threshold < reached))
                reached = threshold;
        }

        return reached;
    }
}
