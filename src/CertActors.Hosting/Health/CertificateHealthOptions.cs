namespace CertActors.Hosting;

/// <summary>When the health check of certificates is degraded.</summary>
public sealed class CertificateHealthOptions
{
    /// <summary>
    /// The remaining lifetime of a certificate below which it is expiring. A third of the certificate's lifetime replaces anything longer. Above 0, default 7
    /// days.
    /// </summary>
    /// <exception cref="ArgumentOutOfRangeException">It is 0 or less.</exception>
    public TimeSpan ExpiryThreshold
    {
        get;
        set
        {
            ArgumentOutOfRangeException.ThrowIfLessThanOrEqual(value, TimeSpan.Zero);
            field = value;
        }
    } = TimeSpan.FromDays(7);

    /// <summary>
    /// Whether file events are expected, so that polling alone is degraded. Default true; set it to false where no events are available, for example in a
    /// container that has used up its inotify instances for good.
    /// </summary>
    public bool ExpectEvents { get; set; } = true;
}
