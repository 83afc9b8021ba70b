namespace CertActors.Disk;

internal enum FileKind : byte
{
    File,
    Directory,
    Link,

    /// <summary>A pipe, a socket or a device: reading it may block for ever.</summary>
    Other,
}

/// <summary>
/// Distinguishes one state of a directory entry from another. Times are in the platform's unit. What a platform does not report is 0, and 1 for
/// <paramref name="Links"/>.
/// </summary>
internal readonly record struct FileStamp(
    FileKind Kind, uint Mode, uint Owner, uint Links, ulong Device, ulong Inode, long Born, long Size, long Modified, long Changed)
{
    public const int FieldCount = 11;

    /// <summary>Copies all fields, each to its place. The first is 1, so that a file differs from a missing one.</summary>
    public void CopyTo(Span<long> fields)
    {
        ReadOnlySpan<long> all = [1, (long)Kind, Mode, Owner, Links, unchecked((long)Device), unchecked((long)Inode), Born, Size, Modified, Changed];
        all.CopyTo(fields);
    }

    /// <summary>Identifies the directory entry while it exists. File systems reuse inode numbers; the time of birth differs then.</summary>
    public FileIdentity Identity => new(Device, Inode, Born);
}

/// <summary>Which file or directory it is, whatever its path.</summary>
internal readonly record struct FileIdentity(ulong Device, ulong Inode, long Born);
