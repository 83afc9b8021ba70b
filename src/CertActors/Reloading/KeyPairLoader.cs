using CertActors.Disk;
using CertActors.Reloading.Formats;
using CertActors.Reloading.Judging;
using CertActors.Verifying;

namespace CertActors.Reloading;

/// <summary>Reads the files of a pair and judges them. Blocks, and so is called on a disk thread.</summary>
internal static class KeyPairLoader
{
    /// <param name="disk">The disk.</param>
    /// <param name="options">The pair.</param>
    /// <param name="served">What is served of the pair; null if nothing is.</param>
    /// <param name="isAccepted">Whether the options accept what is served.</param>
    /// <param name="servedTags">The contents that <paramref name="served"/> was last read from; null if they are not known.</param>
    /// <param name="trust">Verifies against the bundle that must trust the pair; null if it is not loaded, or no bundle must.</param>
    /// <param name="clock">Returns the time by which validity is judged. Called after the files are read, which may take long.</param>
    public static LoadResult Load(
        IFiles disk, CertificateOptions options, LoadedPair? served, bool isAccepted, ContentTags? servedTags, Func<PeerVerifier?> trust, Func<DateTimeOffset> clock) =>
        FilesLoader.Load(() => PairFiles.Read(disk, options), (files, tags) =>
        {
            // Parsing takes most of a load, and each pair is loaded for a second time when its watch begins: contents that are served are not parsed
            // again. If a certificate has expired since, they are, as the file may contain another intermediate to send.
            var now = clock();
            return isAccepted && tags.Equals(servedTags) && served?.IsValidAt(now) == true
                ? Verdict.Unchanged.Instance
                : Judge.Of(PairFiles.ContentOf(files, options), served, isAccepted, trust(), now, options);
        });
}
