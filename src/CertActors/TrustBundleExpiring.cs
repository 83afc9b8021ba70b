namespace CertActors;

/// <summary>
/// A certificate of the served trust bundle comes near the end of its validity, or has passed it; or a revocation list is stale. Checked once a minute;
/// reported once for each certificate and each of <see cref="TrustBundleOptions.ExpiryThresholds"/>, once at its end, and once for each stale list.
/// </summary>
public sealed record TrustBundleExpiring : CertificateEvent
{
    /// <summary>The generation that is served.</summary>
    public required long Generation { get; init; }

    /// <summary>The certificate; null if it is a revocation list.</summary>
    public CertificateFacts? Authority { get; init; }

    /// <summary>The revocation list; null if it is a certificate.</summary>
    public RevocationListFacts? RevocationList { get; init; }

    /// <summary>The end of the certificate's validity, or when the next revocation list was due, UTC.</summary>
    public required DateTimeOffset NotAfter { get; init; }

    /// <summary>What remains until then; 0 or less once it has passed.</summary>
    public required TimeSpan Remaining { get; init; }
}
