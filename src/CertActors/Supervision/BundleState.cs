using System.Collections.Immutable;
using CertActors.Disk;
using CertActors.Reloading;

namespace CertActors.Supervision;

/// <summary>What the supervisor knows of a trust bundle.</summary>
internal sealed record BundleState(TrustBundleOptions Options, WatchedFiles Files) : ReloadableState(Files)
{
    /// <summary>What is served; null before the first load.</summary>
    public TrustBundleChanged? Served => (TrustBundleChanged?)LastChange;

    /// <summary>The last report of each certificate and revocation list that is served, by SHA-256.</summary>
    public ImmutableDictionary<string, BundleExpiryReport> Expiries { get; init; } = ImmutableDictionary<string, BundleExpiryReport>.Empty;

    public TrustBundleStatus Status => new()
    {
        Name = Name,
        LastChange = Served,
        LastFailure = (TrustBundleReloadFailed?)CurrentFailure,
        WatchMode = WatchMode?.Mode ?? CertActors.WatchMode.Polling,
        WatchModeSince = WatchMode?.At,
        WatchModeMessage = WatchMode?.Message,
        LoadStuck = StuckSince is not null,
        LoadStuckSince = StuckSince,
        Loads = Loads,
        LastCheck = LastCheck,
    };

    // What is no longer in the bundle is no longer reported to new subscribers.
    public override ReloadableState With(GenerationChanged change)
    {
        var next = (TrustBundleChanged)change;
        var kept = next.Authorities.Select(authority => authority.Sha256).Concat(next.RevocationLists.Select(list => list.Sha256)).ToHashSet();
        return this with { LastChange = change, Expiries = Expiries.RemoveRange(Expiries.Keys.Where(sha256 => !kept.Contains(sha256))) };
    }

    public override ReloadableState WithOptions(Addition options) =>
        this with { Options = options.Bundle!, Files = options.Bundle!.ToWatchedFiles(), IsConfigured = options.IsConfigured };

    public override bool HasOptions(Addition options) => Options == options.Bundle;

    public override GenerationChanged? ServedIn(CertificateHolder holder) => holder.BundleCellOf(Name).Serving?.Announcement;

    public override IReloadable ReloadableIn(CertificateHolder holder) => new ReloadableBundle(Options, Files, holder.BundleCellOf(Name));

    // The holder replaces the one that it has.
    public override IReloadable AddTo(CertificateHolder holder) => new ReloadableBundle(Options, Files, holder.AddBundle(Name));

    public override IReloadable ReplaceIn(CertificateHolder holder) => AddTo(holder);

    public override IEnumerable<object> Announced =>
        ((IEnumerable<object?>)[WatchMode, LastChange, .. Expiries.Values.Select(report => report.Announcement), CurrentFailure]).OfType<object>();
}
