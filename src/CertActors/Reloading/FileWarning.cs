using CertActors.Disk;


namespace CertActors.Reloading;

/// <summary>Something to be known of a file that is read all the same.</summary>
/// <param name="Kind">What, for programs.</param>
/// <param name="Path">The file.</param>
/// <param name="Message">What, for people: path, reason, remedy.</param>
internal sealed record FileWarning(FileWarningKind Kind, string Path, string Message)
{
    private const uint ReadableByOthers = 0b000_000_100;
    private const uint ReadableByGroup = 0b000_100_000;
    private const uint Root = 0;

    /// <param name="path">The file's path.</param>
    /// <param name="file">What was read.</param>
    /// <param name="isSecret">Whether it holds a key or a password.</param>
    /// <param name="isFileMount">Whether the file itself is a mount point.</param>
    public static IEnumerable<FileWarning> Of(string path, FileStamp file, bool isSecret, bool isFileMount)
    {
        // A group that may read a file of root's was given it by whoever runs the machine, as Kubernetes does with fsGroup.
        if (isSecret && ((file.Mode & ReadableByOthers) != 0 || ((file.Mode & ReadableByGroup) != 0 && file.Owner != Root)))
        {
            yield return new FileWarning(
                FileWarningKind.ReadableByOthers,
                path,
                $"{path} can be read by others (mode {Octal(file.Mode)}); take that away with 'chmod 0400', or with 'defaultMode: 0400' of a Kubernetes volume.");
        }

        if (!isFileMount)
            yield break;
        yield return file.Links == 0
            ? new FileWarning(
                FileWarningKind.ReplacedOutside,
                path,
                $"{path} is mounted as a single file, and was replaced or removed where it is mounted from (link count 0): this process still reads the old one; mount its directory instead, and start again.")
            : new FileWarning(
                FileWarningKind.MountedFile,
                path,
                $"{path} is mounted as a single file (a bind mount, or subPath in Kubernetes): a file that replaces it where it is mounted from never arrives here; mount its directory instead.");
    }

    /// <returns>The permissions as <c>chmod</c> has them.</returns>
    public static string Octal(uint mode) => Convert.ToString(mode & 0b111_111_111, toBase: 8).PadLeft(4, '0');
}

internal enum FileWarningKind
{
    /// <summary>Others than the server can read a secret.</summary>
    ReadableByOthers,

    /// <summary>The file itself is a mount point.</summary>
    MountedFile,

    /// <summary>It is, and another file has taken its place where it is mounted from.</summary>
    ReplacedOutside,
}
