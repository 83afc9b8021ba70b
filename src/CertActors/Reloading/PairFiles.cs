using CertActors.Disk;
using CertActors.Reloading.Formats;

namespace CertActors.Reloading;

/// <summary>The files of a pair: which they are, how they are read, and which content is which.</summary>
internal static class PairFiles
{
    private const int MaxSize = 1 << 20;

    public static WatchedFiles ToWatchedFiles(this CertificateOptions options) => new(
        options.Name,
        options.Paths,
        new ReloadTiming(
            options.DebounceWindow, options.MaxDebounce, options.PollIntervalWithEvents, options.PollIntervalWithoutEvents, options.LoadTimeLimit));

    public static ReadFiles Read(IFiles disk, CertificateOptions options) => ReadFiles.Read(
        disk,
        options.Paths,
        new ExpectedFiles(_ => MaxSize, "a PEM or PKCS#12 file", path => path == options.KeyPath || path == options.PasswordPath));

    public static PairContent ContentOf(ReadFiles files, CertificateOptions options) => new(
        files.ContentOf(options.CertificatePath), files.ContentOf(options.KeyPath), options.PasswordPath is { } password ? files.ContentOf(password) : null);
}
