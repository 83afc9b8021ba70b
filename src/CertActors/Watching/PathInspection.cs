using CertActors.Disk;

namespace CertActors.Watching;

/// <summary>
/// The result of inspecting the paths of a pair: walking along them and watching their steps. An inspection runs on a disk thread and reaches no
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
    public static PathInspection Run(IFiles files, CertificateOptions pair, WatchTable? watches)
    {
        PairSnapshot? snapshot = null;
        try
        {
            snapshot = PairSnapshot.Take(files, pair);
            var isStable = watches is null;
            for (var walks = 1; !isStable && walks < MaxWalks; walks++)
            {
                var watched = snapshot;
                var isComplete = TryWatch(watches!, pair, watched);
                snapshot = PairSnapshot.Take(files, pair);
                isStable = isComplete && snapshot.HasSameStepsAs(watched);
            }

            return new PathInspection(watches, isStable ? snapshot.Fingerprint.Digest() : null, isStable, Error: null);
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            return Failed(watches, $"the paths of the files cannot be watched: {error.Message}") with { Digest = snapshot?.Fingerprint.Digest() };
        }
    }

    public static PathInspection Failed(WatchTable? watches, string error) => new(watches, Digest: null, IsStable: false, error);

    /// <returns>Whether the files of a pair differ from those of the inspection with this digest, or cannot be read.</returns>
    public static bool HasChanged(IFiles files, CertificateOptions pair, UInt128? digest)
    {
        try
        {
            return digest is null || PairFingerprint.Take(files, pair).Digest() != digest;
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            return true;
        }
    }

    /// <returns>False if a directory no longer exists.</returns>
    private static bool TryWatch(WatchTable watches, CertificateOptions pair, PairSnapshot snapshot)
    {
        try
        {
            watches.Watch(pair, [.. snapshot.Steps]);
            return true;
        }
        catch (DirectoryNotFoundException)
        {
            return false;
        }
    }
}
