using CertActors.Disk;
using CertActors.Holding;
using CertActors.Reloading.Formats;
using CertActors.Reloading.Judging;

namespace CertActors.Reloading;

/// <summary>A pair: how it is loaded and judged, and published in its cell.</summary>
internal sealed class ReloadablePair(CertificateOptions options, WatchedFiles files, CertificateCell cell) : IReloadable
{
    public WatchedFiles Files => files;

    public object? Served => cell.Serving;

    public ReloadFailed? LastFailure => cell.LastFailure;

    public Func<IFiles, LoadResult> PrepareLoad(ContentTags? servedTags, Func<DateTimeOffset> clock)
    {
        var served = cell.Serving?.Pair;
        return disk => KeyPairLoader.Load(disk, options, served, servedTags, clock);
    }

    public GenerationChanged Publish(Verdict.Accepted accepted, ReloadReason reason, DateTimeOffset now)
    {
        var pair = (LoadedPair)accepted.Loaded;
        var served = cell.Serving;
        var change = new CertificateChanged
        {
            Name = options.Name,
            Generation = (served?.Generation ?? 0) + 1,
            Previous = served?.Facts,
            Current = pair.Facts,
            Reason = reason,
            At = now,
        };
        cell.Publish(new ServingCertificate(change, pair));
        return change;
    }

    public ReloadFailed Fail(Verdict.Rejected rejected, DateTimeOffset now)
    {
        var failure = new CertificateReloadFailed
        {
            Name = options.Name,
            Reason = rejected.Reason,
            Message = rejected.Message,
            StillServed = cell.Serving?.Facts,
            At = now,
        };
        cell.LastFailure = failure;
        return failure;
    }

    public void ClearFailure() => cell.LastFailure = null;
}
