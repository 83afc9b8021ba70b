namespace CertActors.AspNetCore;

/// <summary>
/// How <see cref="CertificateDrainExtensions.UseCertificateDrain"/> closes the connections of a superseded generation. All times count from the swap.
/// </summary>
public sealed class CertificateDrainOptions
{
    private static readonly TimeSpan MaxDuration = TimeSpan.FromDays(1);
    private static readonly TimeSpan MaxHardLimit = TimeSpan.FromDays(30);

    /// <summary>How long nothing is done, for example so that a faulty certificate can be replaced first. 0 to 1 day, default 30 s.</summary>
    public TimeSpan GracePeriod { get; set; } = TimeSpan.FromSeconds(30);

    /// <summary>
    /// The time after <see cref="GracePeriod"/> within which each connection is asked to close. The connections are spread over it evenly, with jitter, as
    /// their clients connect again. 0 to 1 day, default 5 minutes. With 0, all are asked at once, also between the requests of a client.
    /// </summary>
    public TimeSpan DrainWindow { get; set; } = TimeSpan.FromMinutes(5);

    /// <summary>
    /// When the connections that are still open are aborted, with their requests: at least <see cref="GracePeriod"/> and <see cref="DrainWindow"/> together,
    /// at most 30 days. Default null: never. Requests, streams and WebSockets may then last as long as they want.
    /// </summary>
    public TimeSpan? HardLimit { get; set; }

    /// <summary>
    /// Whether a swap of the trust bundle asks the connections of those clients to close at once that the bundle no longer trusts, or whose certificate
    /// it revokes. <see cref="HardLimit"/> counts from that swap. Default false: a client is verified in its handshakes alone.
    /// </summary>
    public bool CloseRefusedClients { get; set; }

    /// <exception cref="CertificateOptionsException">The options are invalid; every error is listed.</exception>
    internal void Check()
    {
        var errors = Errors().ToArray();
        if (errors.Length > 0)
            throw new CertificateOptionsException(errors);
    }

    private IEnumerable<string> Errors()
    {
        foreach (var (option, value) in ((string, TimeSpan)[])[(nameof(GracePeriod), GracePeriod), (nameof(DrainWindow), DrainWindow)])
        {
            if (value < TimeSpan.Zero || value > MaxDuration)
                yield return $"{option} is {value}, and must be 0 to {MaxDuration.TotalDays} day";
        }

        if (HardLimit > MaxHardLimit)
            yield return $"{nameof(HardLimit)} is {HardLimit}, and must be at most {MaxHardLimit.TotalDays} days, or null";
        if (HardLimit < GracePeriod + DrainWindow)
            yield return $"{nameof(HardLimit)} ({HardLimit}) must be at least {nameof(GracePeriod)} ({GracePeriod}) and {nameof(DrainWindow)} ({DrainWindow}) together, or null";
    }
}
