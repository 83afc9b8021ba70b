using CertActors.Disk;
using CertActors.Holding;
using CertActors.Reloading;

namespace CertActors.Supervision;

/// <summary>What the supervisor knows of a pair.</summary>
internal sealed record PairState(CertificateOptions Options, WatchedFiles Files) : ReloadableState(Files)
{
    /// <summary>What is served; null before the first load.</summary>
    public CertificateChanged? Served => (CertificateChanged?)LastChange;

    /// <summary>The last report of an expiry of the leaf, of whichever generation.</summary>
    public ExpiryReport? Expiry { get; init; }

    /// <summary>That of an intermediate.</summary>
    public ExpiryReport? ChainExpiry { get; init; }

    public CertificateStatus Status => new()
    {
        Name = Name,
        LastChange = Served,
        LastFailure = (CertificateReloadFailed?)CurrentFailure,
        WatchMode = WatchMode?.Mode ?? CertActors.WatchMode.Polling,
        WatchModeSince = WatchMode?.At,
        WatchModeMessage = WatchMode?.Message,
        LoadStuck = StuckSince is not null,
        LoadStuckSince = StuckSince,
        Loads = Loads,
        LastCheck = LastCheck,
    };

    public override ReloadableState WithOptions(Addition options) =>
        this with { Options = options.Pair!, Files = options.Pair!.ToWatchedFiles(), IsConfigured = options.IsConfigured };

    public override bool HasOptions(Addition options) => Options == options.Pair;

    public override GenerationChanged? ServedIn(CertificateHolder holder) => holder.CellOf(Name).Serving?.Announcement;

    public override IReloadable ReloadableIn(CertificateHolder holder) => Of(holder.CellOf(Name), holder);

    public override IReloadable AddTo(CertificateHolder holder) => Of(holder.Add(Options), holder);

    public override IReloadable ReplaceIn(CertificateHolder holder) => Of(holder.Replace(Options), holder);

    public override IEnumerable<object> Announced
    {
        get
        {
            return ((IEnumerable<object?>)[WatchMode, LastChange, Present(Expiry), Present(ChainExpiry), CurrentFailure]).OfType<object>();

            CertificateExpiring? Present(ExpiryReport? last) => last?.Announcement.Generation == LastChange?.Generation ? last?.Announcement : null;
        }
    }

    private ReloadablePair Of(CertificateCell cell, CertificateHolder holder) => new(Options, Files, cell, holder.GetTrustBundle);
}
