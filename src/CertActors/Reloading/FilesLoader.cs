using CertActors.Diagnostics;
using CertActors.Reloading.Judging;

namespace CertActors.Reloading;

/// <summary>Reads files until they do not change meanwhile, and has them judged. Blocks, and so is called on a disk thread.</summary>
internal static class FilesLoader
{
    private const int MaxReads = 3;

    /// <param name="read">Reads the files.</param>
    /// <param name="judge">Judges files of which each has a content, with their tags.</param>
    public static LoadResult Load(Func<ReadFiles> read, Func<ReadFiles, ContentTags, Verdict> judge)
    {
        (ContentTags, string?)? before = null;
        for (var reads = 1; ; reads++)
        {
            using var files = Read(read);

            // Some FUSE, 9p and network file systems report different times and inode numbers at each call. There, two reads with the same contents
            // show that the files do not change.
            var tags = files.Tags;
            var last = (tags, files.Problem?.Message);
            if (!files.HaveChanged() || last.Equals(before))
            {
                var verdict = files.Problem is { } problem ? new Verdict.Rejected(problem.Reason, problem.Message) : judge(files, tags);
                return new LoadResult(verdict, tags, files.Warnings);
            }

            if (reads == MaxReads)
            {
                var message = $"{files.PathList} changed during each of {MaxReads} attempts to read them; they are read again when they no longer change.";
                return new LoadResult(new Verdict.Rejected(RejectionReason.FilesChanging, message), Tags: null, Warnings: []);
            }

            before = last;
        }
    }

    private static ReadFiles Read(Func<ReadFiles> read)
    {
        using var stage = ReloadTrace.Begin(ReloadTrace.Read);
        return read();
    }
}
