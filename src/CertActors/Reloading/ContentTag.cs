using System.Buffers.Binary;
using System.Security.Cryptography;

namespace CertActors.Reloading;

/// <summary>
/// Tells the contents of files from others, in this process alone: made with a random key, so that nothing can be learned of a key or a password from
/// it. It's put in no message.
/// </summary>
internal readonly record struct ContentTag(UInt128 Value)
{
    private static readonly byte[] ProcessKey = RandomNumberGenerator.GetBytes(32);

    public static ContentTag Of(params ReadOnlySpan<SecretBuffer?> files)
    {
        Span<byte> tag = stackalloc byte[HMACSHA256.HashSizeInBytes];
        Span<byte> length = stackalloc byte[sizeof(int)];
        using var hash = IncrementalHash.CreateHMAC(HashAlgorithmName.SHA256, ProcessKey);
        foreach (var file in files)
        {
            var bytes = file is null ? default : file.Span;
            BinaryPrimitives.WriteInt32LittleEndian(length, bytes.Length);
            hash.AppendData(length);
            hash.AppendData(bytes);
        }

        hash.GetHashAndReset(tag);
        return new ContentTag(BinaryPrimitives.ReadUInt128LittleEndian(tag));
    }

    public override string ToString() => nameof(ContentTag);
}
