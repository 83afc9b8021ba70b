using CertActors.Disk;
using CertActors.Reloading.Formats;
using CertActors.Reloading.Judging;

namespace CertActors.Reloading;

/// <summary>Reads the files of a pair and judges them. Blocks, and so is called on a disk thread.</summary>
internal static class KeyPairLoader
{
    private const int MaxReads = 3;

    /// <param name="disk">The disk.</param>
    /// <param name="options">The pair.</param>
    /// <param name="served">What is served of the pair; null if nothing is.</param>
    /// <param name="servedTags">The contents that <paramref name="served"/> was last read from; null if they are not known.</param>
    /// <param name="clock">Returns the time by which validity is judged. Called after the files are read, which may take long.</param>
    public static LoadResult Load(
        IFiles disk, CertificateOptions options, LoadedPair? served, PairTags? servedTags, Func<DateTimeOffset> clock)
    {
        (PairTags, string?)? before = null;
        for (var reads = 0; reads < MaxReads; reads++)
        {
            using var files = PairFiles.Read(disk, options);

            // Some FUSE, 9p and network file systems report different times and inode numbers at each call. There, two reads with the same contents
            // show that the files do not change.
            var tags = files.Tags;
            var read = (tags, files.Problem?.Message);
            if (files.HaveChanged() && before != read)
            {
                before = read;
                continue;
            }

            // Parsing takes most of a load, and each pair is loaded for a second time when its watch begins: contents that are served are not parsed
            // again. If a certificate has expired since, they are, as the file may contain another intermediate to send.
            var now = clock();
            var verdict = files.Problem is { } problem ? new Verdict.Rejected(problem.Reason, problem.Message)
                : tags == servedTags && served?.IsValidAt(now) == true ? Verdict.Unchanged.Instance
                : Judge.Of(files.Content, served, now, options);
            return new LoadResult(verdict, tags, files.Warnings);
        }

        return new LoadResult(
            new Verdict.Rejected(
                RejectionReason.FilesChanging,
                $"{options.CertificatePath} and {options.KeyPath} changed during each of {MaxReads} attempts to read them; they are read again when they no longer change."),
            Tags: null,
            Warnings: []);
    }
}
