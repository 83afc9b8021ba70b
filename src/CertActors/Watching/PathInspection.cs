using CertActors.Disk;

namespace CertActors.Watching;

/// <summary>
/// The result of inspecting the paths of watched files: walking along them and watching their steps. An inspection runs on a disk thread and reaches no
/// state of the actor that requested it.
/// </summary>
/// <param name="Watches">The table in which the steps were to be watched; null if there was none.</param>
/// <param name="Digest">Tells whether the files are those of an earlier inspection; null if they cannot be read, or their paths change all the time.</param>
/// <param name="IsStable">Whether two walks agreed, so that every step is watched.</param>
/// <param name="Error">Why the paths cannot be read or watched; null if they can.</param>
internal sealed record PathInspection(WatchTable? Watches, UInt128? Digest, bool IsStable, string? Error)
{
    private const int MaxWalks = 5;

    /// <summary>Watches the steps, then walks again, so that whatever happens after the last walk is an event.</summary>
    public static PathInspection Run(IFiles disk, WatchedFiles files, WatchTable? watches)
    {
        FilesSnapshot? snapshot = null;
        try
        {
            snapshot = FilesSnapshot.Take(disk, files);
            var isStable = watches is null;
            for (var walks = 1; !isStable && walks < MaxWalks; walks++)
            {
                var watched = snapshot;
                var isComplete = TryWatch(watches!, files, watched);
                snapshot = FilesSnapshot.Take(disk, files);
                isStable = isComplete && snapshot.HasSameStepsAs(watched);
            }

            return new PathInspection(watches, isStable ? snapshot.Digest : null, isStable, Error: null);
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            return Failed(watches, $"the paths of the files cannot be watched: {error.Message}") with { Digest = snapshot?.Digest };
        }
    }

    public static PathInspection Failed(WatchTable? watches, string error) => new(watches, Digest: null, IsStable: false, error);

    /// <returns>Whether the files differ from those of the inspection with this digest, or cannot be read.</returns>
    public static bool HasChanged(IFiles disk, WatchedFiles files, UInt128? digest)
    {
        try
        {
            return digest is null || FilesDigest.Take(disk, files) != digest;
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            return true;
        }
    }

    /// <returns>False if a directory no longer exists.</returns>
    private static bool TryWatch(WatchTable watches, WatchedFiles files, FilesSnapshot snapshot)
    {
        try
        {
            watches.Watch(files, [.. snapshot.Steps]);
            return true;
        }
        catch (DirectoryNotFoundException)
        {
            return false;
        }
    }
}
