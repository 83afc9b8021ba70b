using System.Collections.Immutable;

namespace CertActors.Disk;

/// <summary>The result of one walk along a path, through its symbolic links, to a file.</summary>
/// <param name="Steps">The steps. Every change of what the path leads to is an event at one of them.</param>
/// <param name="Links">The links of the path, as they were found.</param>
/// <param name="End">The file itself, or what is in its place; null if nothing is.</param>
/// <param name="EndPath">The real path of the file, itself free of links; that of the first part that does not exist, if there is one.</param>
/// <param name="IsFileMount">Whether the file itself is a mount point.</param>
/// <param name="Obstacle">Why the path has no end; null if it has one.</param>
internal sealed record PathSnapshot(
    ImmutableArray<PathStep> Steps, ImmutableArray<FileStamp> Links, FileStamp? End, string EndPath, bool IsFileMount = false, string? Obstacle = null)
{
    private const int MaxLinks = 40; // The limit of Linux: path_resolution(7).

    // A link that is replaced all the time beats five walks in a row on a busy machine, and a walk takes some 10 µs.
    private const int MaxWalks = 20;

    /// <exception cref="IOException">A part of the path cannot be read, or its links change with each walk.</exception>
    /// <exception cref="UnauthorizedAccessException">A directory of the path may not be searched.</exception>
    public static PathSnapshot Take(IFiles files, string fullPath)
    {
        for (var walk = 0; walk < MaxWalks; walk++)
        {
            if (Walk(files, fullPath) is { } snapshot)
                return snapshot;
        }

        throw new IOException($"the links of {fullPath} were replaced during each of {MaxWalks} walks");
    }

    public bool Equals(PathSnapshot? other) =>
        other is not null && Steps.SequenceEqual(other.Steps) && Links.SequenceEqual(other.Links)
        && (End, EndPath, IsFileMount, Obstacle) == (other.End, other.EndPath, other.IsFileMount, other.Obstacle);

    public override int GetHashCode() => HashCode.Combine(Steps.Length, End);

    /// <returns>Null if a link was replaced between its inspection and its reading.</returns>
    private static PathSnapshot? Walk(IFiles files, string fullPath)
    {
        var steps = ImmutableArray.CreateBuilder<PathStep>();
        var links = ImmutableArray.CreateBuilder<FileStamp>();
        var rest = new Stack<string>();
        Push(rest, fullPath);
        var directory = Path.GetPathRoot(fullPath)!;
        var stamp = files.Stat(directory);

        while (rest.TryPop(out var name))
        {
            if (name == "..")
            {
                directory = Path.GetDirectoryName(directory) ?? directory;
                stamp = files.Stat(directory);
                continue;
            }

            var path = Path.Combine(directory, name);
            var entry = files.Stat(path);
            var isLast = rest.Count == 0;
            steps.Add(new PathStep(directory, name, stamp?.Identity ?? default, isLast && entry is not { Kind: FileKind.Link or FileKind.Directory }));
            switch (entry?.Kind)
            {
                case FileKind.Directory:
                    directory = path;
                    stamp = entry;
                    break;
                case FileKind.Link when links.Count == MaxLinks:
                    // A change of any step may end it, so all are watched.
                    var obstacle = $"more than {MaxLinks} symbolic links are on the path {fullPath}; do they form a circle?";
                    return new PathSnapshot([.. steps.Distinct()], links.ToImmutable(), End: null, path, Obstacle: obstacle);
                case FileKind.Link:
                    links.Add(entry.Value);
                    if (files.ReadLink(path) is not { } target)
                        return null;
                    if (Path.IsPathRooted(target))
                    {
                        directory = Path.GetPathRoot(target)!;
                        stamp = files.Stat(directory);
                    }

                    Push(rest, target);
                    break;
                default:
                    // A file in the place of a directory counts as nothing there.
                    var isFileMount = isLast && entry is { Kind: FileKind.File } && files.ReadMounts().IsMountPoint(path);
                    if (isFileMount)
                        steps.Add(new PathStep(path, "", entry!.Value.Identity, Contents: true));
                    return new PathSnapshot(steps.ToImmutable(), links.ToImmutable(), isLast ? entry : null, path, isFileMount);
            }
        }

        return new PathSnapshot(steps.ToImmutable(), links.ToImmutable(), stamp, directory);
    }

    private static void Push(Stack<string> rest, string path)
    {
        var parts = path[Path.GetPathRoot(path)!.Length..].Split([Path.DirectorySeparatorChar, Path.AltDirectorySeparatorChar]);
        foreach (var part in parts.Reverse())
        {
            if (part is not ("" or "."))
                rest.Push(part);
        }
    }
}
