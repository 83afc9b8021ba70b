using CertActors.Disk;
using CertActors.Holding;
using CertActors.Reloading.Formats;
using CertActors.Reloading.Judging;

namespace CertActors.Reloading;

/// <summary>A pair: how it is loaded and judged, and published in its cell.</summary>
/// <param name="options">The pair.</param>
/// <param name="files">Its files.</param>
/// <param name="cell">Where it is published.</param>
/// <param name="bundleOf">Returns a trust bundle by its name, as it is served; null if it is not. Called on a disk thread.</param>
internal sealed class ReloadablePair(CertificateOptions options, WatchedFiles files, CertificateCell cell, Func<string, TrustBundle?> bundleOf) : IReloadable
{
    public WatchedFiles Files => files;

    public object? Served => cell.Serving;

    public ReloadFailed? LastFailure => cell.LastFailure;

    public Func<IFiles, LoadResult> PrepareLoad(ContentTags? servedTags, Func<DateTimeOffset> clock)
    {
        var (pair, served, isAccepted, trust) = (options, cell.Serving?.Pair, cell.IsAccepted, bundleOf);
        return disk => KeyPairLoader.Load(disk, pair, served, isAccepted, servedTags, () => pair.MustChainTo is { } name ? trust(name)?.Verifier : null, clock);
    }

    public GenerationChanged ChangeTo(Verdict.Accepted accepted, ReloadReason reason, DateTimeOffset now)
    {
        var (served, next) = (cell.Serving, (LoadedPair)accepted.Loaded);
        return new CertificateChanged
        {
            Name = options.Name,
            Generation = (served?.Generation ?? 0) + 1,
            Previous = served?.Facts,
            Current = next.Facts,
            Chain = next.ChainFacts,
            Reason = reason,
            At = now,
        };
    }

    public void Publish(Verdict.Accepted accepted, GenerationChanged change) =>
        cell.Publish(new ServingCertificate(cell, (CertificateChanged)change, (LoadedPair)accepted.Loaded));

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

    public void Accept() => cell.Accept();

    public void EndFirstLoad() => cell.EndFirstLoad();
}
