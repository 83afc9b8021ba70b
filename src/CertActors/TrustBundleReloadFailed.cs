namespace CertActors;

/// <summary>A load of a trust bundle failed; peers are still verified against what was served. While nothing is served, every peer is refused.</summary>
public sealed record TrustBundleReloadFailed : ReloadFailed
{
    /// <summary>The generation that is still served; 0 if the bundle has never been served.</summary>
    public required long StillServed { get; init; }
}
