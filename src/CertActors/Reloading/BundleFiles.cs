using CertActors.Disk;
using CertActors.Reloading.Formats;

namespace CertActors.Reloading;

/// <summary>The files of a trust bundle: which they are, how they are read, and which content is which.</summary>
internal static class BundleFiles
{
    public static WatchedFiles ToWatchedFiles(this TrustBundleOptions options) => new(
        options.Name,
        options.Paths,
        new ReloadTiming(
            options.DebounceWindow, options.MaxDebounce, options.PollIntervalWithEvents, options.PollIntervalWithoutEvents, options.LoadTimeLimit));

    public static ReadFiles Read(IFiles disk, TrustBundleOptions options) => ReadFiles.Read(
        disk,
        options.Paths,
        new ExpectedFiles(
            path => options.RevocationListPaths.Contains(path) ? TrustBundleOptions.MaxRevocationListFileSize : TrustBundleOptions.MaxCertificateFileSize,
            "a PEM file, or a revocation list in DER",
            IsSecret: _ => false));

    public static BundleContent ContentOf(ReadFiles files, TrustBundleOptions options)
    {
        return new(Of(options.CertificatePaths), Of(options.RevocationListPaths));

        BundleFile[] Of(IEnumerable<string> paths) => [.. paths.Select(path => new BundleFile(path, files.ContentOf(path).Memory))];
    }
}
