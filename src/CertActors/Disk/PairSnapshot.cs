using System.Buffers.Binary;
using System.Collections.Immutable;
using System.Runtime.InteropServices;
using System.Security.Cryptography;

namespace CertActors.Disk;

/// <summary>A step on the way from a configured path through its symbolic links to the real file: a name in a directory.</summary>
/// <param name="Directory">The real path of the directory, itself free of links. Where the file itself is a mount point, that file once more.</param>
/// <param name="Name">
/// The entry that is looked for in it: a directory, a link, the file, or the first part of the way that is missing. Empty for the file that is a
/// mount point: what is written to it elsewhere is no event of the directory here (inotify(7)).
/// </param>
/// <param name="DirectoryIdentity">Which directory it is: another may stand under the same path later.</param>
/// <param name="Contents">Whether the entry is, or is to be, the file itself, so that what is written to it counts.</param>
internal sealed record PathStep(string Directory, string Name, FileIdentity DirectoryIdentity, bool Contents);

/// <summary>One look at the way to a file.</summary>
/// <param name="Steps">The steps; watched together, they see every change of what the path leads to.</param>
/// <param name="Links">The links on the way, as they were found.</param>
/// <param name="End">The file itself, or what stands in its place; null if nothing is there.</param>
/// <param name="EndPath">The real path of the file, itself free of links; of the first part that is missing, if any is.</param>
/// <param name="IsFileMount">Whether the file itself is a mount point.</param>
/// <param name="Obstacle">Why the way has no end; null if it has one.</param>
internal sealed record PathSnapshot(
    ImmutableArray<PathStep> Steps, ImmutableArray<FileStamp> Links, FileStamp? End, string EndPath, bool IsFileMount = false, string? Obstacle = null)
{
    private const int MaxLinks = 40; // As Linux has it: path_resolution(7).
    private const int MaxWalks = 5;

    /// <exception cref="IOException">It can't be told.</exception>
    /// <exception cref="UnauthorizedAccessException">It may not be told.</exception>
    public static PathSnapshot Take(IFiles files, string fullPath)
    {
        for (var walk = 0; walk < MaxWalks; walk++)
        {
            if (Walk(files, fullPath) is { } seen)
                return seen;
        }

        throw new IOException($"the links on the way to {fullPath} are replaced all the time");
    }

    public bool Equals(PathSnapshot? other) =>
        other is not null && Steps.SequenceEqual(other.Steps) && Links.SequenceEqual(other.Links)
        && (End, EndPath, IsFileMount, Obstacle) == (other.End, other.EndPath, other.IsFileMount, other.Obstacle);

    public override int GetHashCode() => HashCode.Combine(Steps.Length, End);

    /// <returns>Null if a link was replaced between one look at it and the next.</returns>
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
                    // Any of the steps may end it, and so is watched.
                    var obstacle = $"more than {MaxLinks} symbolic links are on the way to {fullPath}; do they lead in a circle?";
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
                    // A file in the place of a directory is as good as nothing there.
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

/// <summary>One look at the ways to the files of a pair.</summary>
/// <param name="Certificate">The way to the certificate.</param>
/// <param name="Key">The way to the key.</param>
/// <param name="Password">The way to the password; null if the pair has none.</param>
internal sealed record PairSnapshot(PathSnapshot Certificate, PathSnapshot Key, PathSnapshot? Password)
{
    public IEnumerable<PathStep> Steps => Certificate.Steps.Concat(Key.Steps).Concat(Password?.Steps ?? []).Distinct();

    public PairFingerprint Fingerprint => new(Certificate.End, Key.End, Password?.End);

    /// <inheritdoc cref="PathSnapshot.Take"/>
    public static PairSnapshot Take(IFiles files, CertificateOptions pair) => new(
        PathSnapshot.Take(files, pair.CertificatePath),
        PathSnapshot.Take(files, pair.KeyPath),
        pair.PasswordPath is { } password ? PathSnapshot.Take(files, password) : null);

    public bool HasSameStepsAs(PairSnapshot other) => Steps.SequenceEqual(other.Steps);
}

/// <summary>Which files the paths of a pair lead to, and their states: tells whether to look closer.</summary>
/// <param name="Certificate">The certificate's; null if there's none.</param>
/// <param name="Key">The key's; null if there's none.</param>
/// <param name="Password">The password's; null if there's none, or the pair has none.</param>
internal readonly record struct PairFingerprint(FileStamp? Certificate, FileStamp? Key, FileStamp? Password)
{
    /// <summary>Tells one from another in a tenth of the memory, for thousands of pairs.</summary>
    public UInt128 Digest()
    {
        Span<long> fields = stackalloc long[3 * FileStamp.FieldCount];
        var rest = fields;
        foreach (var file in (ReadOnlySpan<FileStamp?>)[Certificate, Key, Password])
        {
            file?.CopyTo(rest);
            rest = rest[FileStamp.FieldCount..];
        }

        Span<byte> hash = stackalloc byte[SHA256.HashSizeInBytes];
        SHA256.HashData(MemoryMarshal.AsBytes(fields), hash);
        return BinaryPrimitives.ReadUInt128LittleEndian(hash);
    }

    /// <inheritdoc cref="IFiles.StatTarget"/>
    public static PairFingerprint Take(IFiles files, CertificateOptions pair) => new(
        files.StatTarget(pair.CertificatePath),
        files.StatTarget(pair.KeyPath),
        pair.PasswordPath is { } password ? files.StatTarget(password) : null);
}
