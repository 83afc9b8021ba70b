using System.Buffers.Binary;
using System.Runtime.InteropServices;
using System.Security.Cryptography;

namespace CertActors.Disk;

/// <summary>
/// Tells which files the paths lead to, and their states, from any others, in a tenth of the memory of their stamps. Where it is unchanged, a poll
/// has nothing to do.
/// </summary>
internal static class FilesDigest
{
    /// <param name="stamps">What each path leads to; null if it leads to nothing.</param>
    public static UInt128 Of(ReadOnlySpan<FileStamp?> stamps)
    {
        Span<byte> hash = stackalloc byte[SHA256.HashSizeInBytes];
        var fields = new long[stamps.Length * FileStamp.FieldCount];
        for (var i = 0; i < stamps.Length; i++)
            stamps[i]?.CopyTo(fields.AsSpan(i * FileStamp.FieldCount));
        SHA256.HashData(MemoryMarshal.AsBytes(fields.AsSpan()), hash);
        return BinaryPrimitives.ReadUInt128LittleEndian(hash);
    }

    /// <inheritdoc cref="IFiles.StatTarget"/>
    public static UInt128 Take(IFiles disk, WatchedFiles files)
    {
        var stamps = new FileStamp?[files.Paths.Length];
        for (var i = 0; i < stamps.Length; i++)
            stamps[i] = disk.StatTarget(files.Paths[i]);
        return Of(stamps);
    }
}
