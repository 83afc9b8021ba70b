using CertActors.Disk;
using CertActors.Holding;
using CertActors.Reloading.Judging;
using CertActors.Verifying;

namespace CertActors.Reloading;

/// <summary>A trust bundle: how it is loaded and judged, and published in its cell.</summary>
internal sealed class ReloadableBundle(TrustBundleOptions options, WatchedFiles files, TrustBundleCell cell) : IReloadable
{
    public WatchedFiles Files => files;

    public object? Served => cell.Serving;

    public ReloadFailed? LastFailure => cell.LastFailure;

    public Func<IFiles, LoadResult> PrepareLoad(ContentTags? servedTags, Func<DateTimeOffset> clock)
    {
        var (bundle, served) = (options, cell.Serving?.Loaded);
        return disk => FilesLoader.Load(
            () => BundleFiles.Read(disk, bundle),
            (read, tags) => tags.Equals(servedTags)
                ? Verdict.Unchanged.Instance
                : BundleJudge.Of(BundleFiles.ContentOf(read, bundle), served, clock(), bundle));
    }

    public GenerationChanged ChangeTo(Verdict.Accepted accepted, ReloadReason reason, DateTimeOffset now)
    {
        var bundle = (LoadedBundle)accepted.Loaded;
        var served = cell.Serving;
        IReadOnlyList<CertificateFacts> before = served?.Authorities ?? [];
        return new TrustBundleChanged
        {
            Name = options.Name,
            Generation = (served?.Generation ?? 0) + 1,
            Reason = reason,
            At = now,
            Added = [.. bundle.Facts.Except(before)],
            Removed = [.. before.Except(bundle.Facts)],
            Authorities = bundle.Facts,
            RevocationLists = [.. bundle.RevocationLists.Select(list => list.List.Facts)],
        };
    }

    public void Publish(Verdict.Accepted accepted, GenerationChanged change) =>
        cell.Publish(new TrustBundle((TrustBundleChanged)change, (LoadedBundle)accepted.Loaded, cell.Intermediates));

    public ReloadFailed Fail(Verdict.Rejected rejected, DateTimeOffset now)
    {
        var failure = new TrustBundleReloadFailed
        {
            Name = options.Name,
            Reason = rejected.Reason,
            Message = rejected.Message,
            StillServed = cell.Serving?.Generation ?? 0,
            At = now,
        };
        cell.LastFailure = failure;
        return failure;
    }

    public void Accept() => cell.LastFailure = null;

    public void EndFirstLoad() => cell.EndFirstLoad();
}
