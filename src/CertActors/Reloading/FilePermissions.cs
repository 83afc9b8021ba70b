using CertActors.Watching;

namespace CertActors.Reloading;

/// <summary>Whether others than the server can read its secrets.</summary>
internal static class FilePermissions
{
    private const uint ReadableByOthers = 0b000_000_100;
    private const uint ReadableByGroup = 0b000_100_000;
    private const uint Root = 0;

    /// <returns>What to say of the files of a pair; null if they are as they should be, or the platform has no modes.</returns>
    public static string? WarningOf(CertificateOptions pair, PairFingerprint seen) =>
        WarningOf(pair.KeyPath, seen.Key) ?? (pair.PasswordPath is { } password ? WarningOf(password, seen.Password) : null);

    // A group that may read a file of root's was given it by whoever runs the machine, as Kubernetes does with fsGroup.
    private static string? WarningOf(string path, FileStamp? file)
    {
        if (file is not { Mode: var mode, Owner: var owner })
            return null;
        var isOpen = (mode & ReadableByOthers) != 0 || ((mode & ReadableByGroup) != 0 && owner != Root);
        return isOpen
            ? $"{path} can be read by others (mode {Octal(mode)}); take that away with 'chmod 0400', or with 'defaultMode: 0400' of a Kubernetes volume."
            : null;
    }

    /// <returns>The permissions as <c>chmod</c> has them.</returns>
    public static string Octal(uint mode) => Convert.ToString(mode & 0b111_111_111, toBase: 8).PadLeft(4, '0');
}
