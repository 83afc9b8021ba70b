namespace CertActors;

/// <summary>
/// The certificate that is served comes near the end of its validity, or has passed it. Checked once a minute; reported once for each generation and
/// each of <see cref="CertificateOptions.ExpiryThresholds"/>, and once at the end. Several thresholds that have been passed at once are one report. An
/// intermediate that is sent with the leaf and expires earlier has reports of its own: clients that need it refuse the leaf from then on.
/// </summary>
public sealed record CertificateExpiring : CertificateEvent
{
    /// <summary>The generation that is served.</summary>
    public required long Generation { get; init; }

    /// <summary>The intermediate that expires; null if it is the leaf.</summary>
    public CertificateFacts? Intermediate { get; init; }

    /// <summary>The end of its validity, UTC.</summary>
    public required DateTimeOffset NotAfter { get; init; }

    /// <summary>What remains of its validity; 0 or less once it has expired.</summary>
    public required TimeSpan Remaining { get; init; }
}
