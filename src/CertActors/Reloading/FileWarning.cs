using CertActors.Disk;

namespace CertActors.Reloading;

/// <summary>A warning about a file that is read nevertheless.</summary>
/// <param name="Kind">What it warns of: one of a kind is given for each path.</param>
/// <param name="Path">The file.</param>
/// <param name="Message">For people: path, reason, remedy.</param>
internal sealed record FileWarning(FileWarningKind Kind, string Path, string Message)
{
    private const uint ReadableByOthers = 0b000_000_100;
    private const uint ReadableByGroup = 0b000_100_000;
    private const uint Root = 0;

    /// <param name="path">The file's path.</param>
    /// <param name="file">The file that was read.</param>
    /// <param name="isSecret">Whether the file contains a key or a password.</param>
    /// <param name="isFileMount">Whether the file itself is a mount point.</param>
    public static IEnumerable<FileWarning> Of(string path, FileStamp file, bool isSecret, bool isFileMount)
    {
        // Only root can let a group read a file of root's. Kubernetes does so with fsGroup.
        if (isSecret && ((file.Mode & ReadableByOthers) != 0 || ((file.Mode & ReadableByGroup) != 0 && file.Owner != Root)))
        {
            yield return new FileWarning(
                FileWarningKind.ReadableByOthers,
                path,
                $"{path} is readable by other users (mode {Octal(file.Mode)}); restrict it with 'chmod 0400', or with 'defaultMode: 0400' on a Kubernetes volume.");
        }

        if (!isFileMount)
            yield break;
        yield return file.Links == 0
            ? new FileWarning(
                FileWarningKind.ReplacedOutside,
                path,
                $"{path} is mounted as a single file whose source was replaced or removed (link count 0), so that this process still reads the old file; mount its directory instead, and restart the process.")
            : new FileWarning(
                FileWarningKind.MountedFile,
                path,
                $"{path} is mounted as a single file (a bind mount, or subPath in Kubernetes), so that this process does not see when its source is replaced; mount its directory instead.");
    }

    /// <returns>The permissions in the notation of <c>chmod</c>.</returns>
    public static string Octal(uint mode) => Convert.ToString(mode & 0b111_111_111, toBase: 8).PadLeft(4, '0');
}

internal enum FileWarningKind
{
    /// <summary>Other users can read a secret.</summary>
    ReadableByOthers,

    /// <summary>The file itself is a mount point.</summary>
    MountedFile,

    /// <summary>The file itself is a mount point, and its source was replaced or removed.</summary>
    ReplacedOutside,
}
