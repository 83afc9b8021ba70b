namespace CertActors.Disk;

/// <summary>The little that is asked of a disk. Every call may block, so that none is made on an actor's thread.</summary>
internal interface IFiles
{
    /// <summary>What is at a path, without following a link at its end; null if nothing is.</summary>
    /// <exception cref="IOException">It can't be told.</exception>
    /// <exception cref="UnauthorizedAccessException">It may not be told.</exception>
    FileStamp? Stat(string path);

    /// <summary>What a path leads to after all links; null if nothing is there.</summary>
    /// <exception cref="IOException">It can't be told.</exception>
    /// <exception cref="UnauthorizedAccessException">It may not be told.</exception>
    FileStamp? StatTarget(string path);

    /// <summary>Reads what is mounted where, without touching any of it: a dead mount would hang.</summary>
    /// <exception cref="IOException">It can't be told now.</exception>
    MountTable ReadMounts();

    /// <summary>Where a symbolic link leads, as it is written; null if there's no link any more.</summary>
    /// <exception cref="IOException">It can't be told.</exception>
    /// <exception cref="UnauthorizedAccessException">It may not be told.</exception>
    string? ReadLink(string path);

    /// <summary>Opens what a path leads to, for reading. Never waits: a pipe without a writer is opened, too, and told by its stamp.</summary>
    /// <exception cref="IOException">It can't be opened; <see cref="FileNotFoundException"/> if nothing is there.</exception>
    /// <exception cref="UnauthorizedAccessException">It may not be opened.</exception>
    IOpenFile Open(string path);
}

/// <summary>A file that was opened, wherever its path may lead by now.</summary>
internal interface IOpenFile : IDisposable
{
    /// <summary>What was opened, as it was then.</summary>
    FileStamp Stamp { get; }

    /// <summary>Reads from the start until the buffer is full or the file ends. For regular files only: the others may block.</summary>
    /// <returns>How many bytes were read.</returns>
    /// <exception cref="IOException">It can't be read.</exception>
    int Read(Span<byte> buffer);
}

internal enum FileKind : byte
{
    File,
    Directory,
    Link,

    /// <summary>A pipe, a socket or a device: reading it could block for ever.</summary>
    Other,
}

/// <summary>
/// Tells one state of a directory entry from another. Times count in the platform's unit; what a platform can't tell is 0, and 1 for the links.
/// </summary>
internal readonly record struct FileStamp(
    FileKind Kind, uint Mode, uint Owner, uint Links, ulong Device, ulong Inode, long Born, long Size, long Modified, long Changed)
{
    public const int FieldCount = 11;

    /// <summary>All fields, each in its place; that the first isn't 0 tells a file from none.</summary>
    public void CopyTo(Span<long> fields)
    {
        ReadOnlySpan<long> all = [1, (long)Kind, Mode, Owner, Links, unchecked((long)Device), unchecked((long)Inode), Born, Size, Modified, Changed];
        all.CopyTo(fields);
    }

    /// <summary>What stays the same for as long as the entry is the same one. Inodes are soon used again: the time of birth tells heirs apart.</summary>
    public FileIdentity Identity => new(Device, Inode, Born);
}

/// <summary>Which file or directory it is, whatever its path.</summary>
internal readonly record struct FileIdentity(ulong Device, ulong Inode, long Born);
