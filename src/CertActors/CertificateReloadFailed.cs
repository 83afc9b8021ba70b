namespace CertActors;

/// <summary>A load of a pair failed; what was served is still served.</summary>
public sealed record CertificateReloadFailed : ReloadFailed
{
    /// <summary>The leaf that is still served; null if the pair has never been served.</summary>
    public required CertificateFacts? StillServed { get; init; }
}
