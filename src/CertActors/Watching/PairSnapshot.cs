using System.Collections.Immutable;

namespace CertActors.Watching;

/// <summary>A step on the way from a configured path through its symbolic links to the real file: a name in a directory.</summary>
/// <param name="Directory">The real path of the directory, itself free of links.</param>
/// <param name="Name">The entry that is looked for in it: a link, the file, or the first part of the way that is missing.</param>
/// <param name="DirectoryIdentity">Which directory it is: another may stand under the same path later.</param>
internal sealed record Hop(string Directory, string Name, FileIdentity DirectoryIdentity);

/// <summary>One look at the way to a file.</summary>
/// <param name="Hops">The steps; watched together, they see every change of what the path leads to.</param>
/// <param name="Entries">What is at each step; null where nothing is.</param>
internal sealed record PathSnapshot(ImmutableArray<Hop> Hops, ImmutableArray<FileStamp?> Entries)
{
    private const int MostLinks = 40; // As Linux has it: path_resolution(7).

    /// <summary>The file itself, or what stands in its place; null if nothing is there.</summary>
    public FileStamp? End => Entries[^1];

    /// <exception cref="IOException">It can't be told, or the links lead in a circle.</exception>
    /// <exception cref="UnauthorizedAccessException">It may not be told.</exception>
    public static PathSnapshot Take(IFiles files, string fullPath)
    {
        var hops = ImmutableArray.CreateBuilder<Hop>();
        var entries = ImmutableArray.CreateBuilder<FileStamp?>();
        var directory = Path.GetPathRoot(fullPath)!;
        var rest = new Stack<string>();
        Push(rest, fullPath);
        var links = 0;

        while (true)
        {
            if (!rest.TryPop(out var name))
            {
                // The way ends in a directory: the root, or by way of "..".
                Add(name: ".", files.Stat(directory));
                break;
            }

            if (name == "..")
            {
                directory = Path.GetDirectoryName(directory) ?? directory;
                continue;
            }

            var path = Path.Combine(directory, name);
            var entry = files.Stat(path);
            if (entry is { Kind: FileKind.Directory } && rest.Count > 0)
            {
                directory = path;
                continue;
            }

            if (entry is not { Kind: FileKind.Link })
            {
                // A file in the place of a directory is as good as nothing there.
                Add(name, rest.Count > 0 ? null : entry);
                break;
            }

            Add(name, entry);

            if (++links > MostLinks)
                throw new IOException($"more than {MostLinks} symbolic links");
            var target = files.ReadLink(path);
            if (Path.IsPathRooted(target))
                directory = Path.GetPathRoot(target)!;
            Push(rest, target);
        }

        return new PathSnapshot(hops.ToImmutable(), entries.ToImmutable());

        void Add(string name, FileStamp? entry)
        {
            hops.Add(new Hop(directory, name, files.Stat(directory)?.Identity ?? default));
            entries.Add(entry);
        }
    }

    public bool Equals(PathSnapshot? other) =>
        other is not null && Hops.SequenceEqual(other.Hops) && Entries.SequenceEqual(other.Entries);

    public override int GetHashCode() => HashCode.Combine(Hops.Length, End);

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

/// <summary>One look at the ways to both files of a pair: the fingerprint that tells whether to look closer.</summary>
internal sealed record PairSnapshot(PathSnapshot Certificate, PathSnapshot Key)
{
    public IEnumerable<Hop> Hops => Certificate.Hops.Concat(Key.Hops).Distinct();

    /// <inheritdoc cref="PathSnapshot.Take"/>
    public static PairSnapshot Take(IFiles files, CertificateOptions pair) =>
        new(PathSnapshot.Take(files, pair.CertificatePath), PathSnapshot.Take(files, pair.KeyPath));

    public bool HasSameHopsAs(PairSnapshot other) => Hops.SequenceEqual(other.Hops);
}
