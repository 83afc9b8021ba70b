using System.Buffers.Binary;
using System.Security.Cryptography;
using CertActors.Reloading.Formats;

namespace CertActors.Reloading;

/// <summary>
/// Identifies the content of a file within this process. It is keyed with a random key, so that it reveals nothing about a private key or a password.
/// No message contains it.
/// </summary>
internal readonly record struct ContentTag(UInt128 Value)
{
    private static readonly byte[] ProcessKey = RandomNumberGenerator.GetBytes(32);

    public static ContentTag Of(SecretBuffer file)
    {
        Span<byte> tag = stackalloc byte[HMACSHA256.HashSizeInBytes];
        HMACSHA256.HashData(ProcessKey, file.Span, tag);
        return new ContentTag(BinaryPrimitives.ReadUInt128LittleEndian(tag));
    }

    public override string ToString() => nameof(ContentTag);
}

/// <summary>The tags of a pair's files; null for a file that was not read.</summary>
internal readonly record struct PairTags(ContentTag? Certificate, ContentTag? Key, ContentTag? Password)
{
    /// <summary>Whether any file was read whose content is not the earlier one.</summary>
    public bool HasNewContent(PairTags earlier) =>
        IsNew(Certificate, earlier.Certificate) || IsNew(Key, earlier.Key) || IsNew(Password, earlier.Password);

    public override string ToString() => nameof(PairTags);

    private static bool IsNew(ContentTag? content, ContentTag? earlier) => content is not null && content != earlier;
}
