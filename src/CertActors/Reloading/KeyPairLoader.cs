using CertActors.Disk;
using CertActors.Reloading.Formats;
using CertActors.Reloading.Judging;


namespace CertActors.Reloading;

/// <summary>Reads a pair, and has it judged. Blocks, so that it is called on a disk thread.</summary>
internal static class KeyPairLoader
{
    private const int MaxReads = 3;

    /// <param name="disk">Where the files are.</param>
    /// <param name="options">The pair.</param>
    /// <param name="served">What is served of it; null if nothing is.</param>
    /// <param name="servedTags">The contents that <paramref name="served"/> was last read from; null if that isn't known.</param>
    /// <param name="clock">Tells the time that validity is judged by; asked once the files are read, which may take long.</param>
    public static LoadResult Load(
        IFiles disk, CertificateOptions options, LoadedPair? served, PairTags? servedTags, Func<DateTimeOffset> clock)
    {
        (PairTags, string?)? before = null;
        for (var reads = 0; reads < MaxReads; reads++)
        {
            using var files = PairFiles.Read(disk, options);

            // Some FUSE, 9p and network file systems report other times and inode numbers at each look. The contents decide there: what
            // was read twice alike is whole.
            var tags = files.Tags;
            var read = (tags, files.Problem?.Message);
            if (files.HaveChanged() && before != read)
            {
                before = read;
                continue;
            }

            // To parse what is served already takes most of a load, and each pair is loaded once more when its watch has begun. Of what has
            // expired meanwhile, another intermediate of the file may be taken.
            var now = clock();
            var verdict = files.Problem is { } problem ? new Verdict.Rejected(problem.Reason, problem.Message)
                : tags == servedTags && served?.IsValidAt(now) == true ? Verdict.Unchanged.Instance
                : Judge.Of(files.Content, served, now, options);
            return new LoadResult(verdict, tags, files.Warnings);
        }

        return new LoadResult(
            new Verdict.Rejected(
                RejectionReason.FilesChanging,
                $"{options.CertificatePath} and {options.KeyPath} changed at each of {MaxReads} attempts to read them; they are read again once they are left alone."),
            Tags: null,
            Warnings: []);
    }
}
