using System.Buffers.Binary;
using System.Security.Cryptography;
using CertActors.Reloading.Formats;

namespace CertActors.Reloading;

/// <summary>
/// Tells the content of a file from another, in this process alone: keyed with a random key, so that nothing can be learned of a private key or a
/// password from it. It is put in no message.
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

/// <summary>The contents of a pair's files; null for a file that isn't read.</summary>
internal readonly record struct PairTags(ContentTag? Certificate, ContentTag? Key, ContentTag? Password)
{
    /// <summary>Whether a file has content that the same file did not have earlier.</summary>
    public bool HasNewContent(PairTags earlier) =>
        IsNew(Certificate, earlier.Certificate) || IsNew(Key, earlier.Key) || IsNew(Password, earlier.Password);

    public override string ToString() => nameof(PairTags);

    private static bool IsNew(ContentTag? content, ContentTag? earlier) => content is not null && content != earlier;
}
