using System.Collections.Immutable;

namespace CertActors.Disk;

/// <summary>The result of one walk along each path of watched files.</summary>
/// <param name="Paths">One for each path, in their order.</param>
internal sealed record FilesSnapshot(ImmutableArray<PathSnapshot> Paths)
{
    public IEnumerable<PathStep> Steps => Paths.SelectMany(path => path.Steps).Distinct();

    public UInt128 Digest => FilesDigest.Of([.. Paths.Select(path => path.End)]);

    /// <inheritdoc cref="PathSnapshot.Take"/>
    public static FilesSnapshot Take(IFiles disk, WatchedFiles files) => new([.. files.Paths.Select(path => PathSnapshot.Take(disk, path))]);

    public bool HasSameStepsAs(FilesSnapshot other) => Steps.SequenceEqual(other.Steps);
}
