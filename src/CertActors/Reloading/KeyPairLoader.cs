using CertActors.Watching;

namespace CertActors.Reloading;

/// <summary>Reads a pair, and has it judged. Blocks, so that it is called on a disk thread.</summary>
internal static class KeyPairLoader
{
    private const int MostTries = 3;

    /// <param name="disk">Where the files are.</param>
    /// <param name="options">The pair.</param>
    /// <param name="served">What is served of it; null if nothing is.</param>
    /// <param name="now">The time that validity is judged by.</param>
    public static LoadResult Load(IFiles disk, CertificateOptions options, LoadedPair? served, DateTimeOffset now)
    {
        for (var tries = 0; tries < MostTries; tries++)
        {
            using var files = PairFiles.Read(disk, options);
            if (files.HaveChanged())
                continue; // Before the work of judging a mixture.
            var verdict = files.Problem is { } problem
                ? new Verdict.Rejected(problem.Reason, problem.Message)
                : Judge.Of(files.Content, served, now, options);
            if (!HaveChanged(files, verdict))
                return new LoadResult(verdict, files.Seen, files.Tag);
        }

        return new LoadResult(
            new Verdict.Rejected(
                RejectionReason.FilesChanging,
                $"{options.CertificatePath} and {options.KeyPath} changed at each of {MostTries} attempts to read them; they are read again once they are left alone."),
            Seen: null,
            Content: null);
    }

    private static bool HaveChanged(PairFiles files, Verdict verdict)
    {
        var changed = true;
        try
        {
            changed = files.HaveChanged();
            return changed;
        }
        finally
        {
            if (changed)
                (verdict as Verdict.Accepted)?.Pair.Dispose();
        }
    }
}
