namespace CertActors.Disk;

/// <summary>What this library needs of a file system. Every call may block, so none is made on an actor's thread.</summary>
/// <remarks>
/// Except for <see cref="StatTarget"/>, a path must have no links among its directories: a walk follows them step by step, see
/// <see cref="PathSnapshot"/>.
/// </remarks>
internal interface IFiles
{
    /// <summary>What is at a path; a link at its end is not followed. Null if nothing is there.</summary>
    /// <exception cref="IOException">It cannot be read.</exception>
    /// <exception cref="UnauthorizedAccessException">A directory of the path may not be searched.</exception>
    FileStamp? Stat(string path);

    /// <summary>What a path leads to once all links are followed; null if nothing is there.</summary>
    /// <exception cref="IOException">It cannot be read, or the path has too many links.</exception>
    /// <exception cref="UnauthorizedAccessException">A directory on the path may not be searched.</exception>
    FileStamp? StatTarget(string path);

    /// <summary>Reads what is mounted where, without an access to any mount: a dead one would hang.</summary>
    /// <exception cref="IOException">It cannot be read at present.</exception>
    MountTable ReadMounts();

    /// <summary>The target of a symbolic link, as it is written; null if there is no link.</summary>
    /// <exception cref="IOException">It cannot be read.</exception>
    /// <exception cref="UnauthorizedAccessException">A directory of the path may not be searched.</exception>
    string? ReadLink(string path);

    /// <summary>Opens what is at a path for reading. Never waits: a pipe without a writer is opened too, and recognized by its stamp.</summary>
    /// <exception cref="IOException">It cannot be opened; <see cref="FileNotFoundException"/> if nothing is there.</exception>
    /// <exception cref="UnauthorizedAccessException">It may not be opened.</exception>
    IOpenFile Open(string path);
}

/// <summary>An open file, whatever its path leads to by now.</summary>
internal interface IOpenFile : IDisposable
{
    /// <summary>What was opened, as it was at that moment.</summary>
    FileStamp Stamp { get; }

    /// <summary>Reads from the start until the buffer is full or the file ends. For regular files only: others may block.</summary>
    /// <returns>The number of bytes read.</returns>
    /// <exception cref="IOException">It cannot be read.</exception>
    int Read(Span<byte> buffer);
}
