using System.Buffers.Binary;
using System.Runtime.InteropServices;
using System.Security.Cryptography;

namespace CertActors.Disk;

/// <summary>Which files the paths of a pair lead to, and their states. Where it is unchanged, a poll has nothing to do.</summary>
/// <param name="Certificate">That of the certificate; null if it does not exist.</param>
/// <param name="Key">That of the key; null if it does not exist.</param>
/// <param name="Password">That of the password; null if it does not exist, or the pair has none.</param>
internal readonly record struct PairFingerprint(FileStamp? Certificate, FileStamp? Key, FileStamp? Password)
{
    /// <summary>Distinguishes one fingerprint from another in a tenth of its memory, for thousands of pairs.</summary>
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
