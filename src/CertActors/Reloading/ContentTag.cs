using System.Buffers.Binary;
using System.Collections.Immutable;
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

/// <summary>The tags of some files, in the order of their paths; null for a file that was not read. Compared by value.</summary>
internal sealed class ContentTags(ImmutableArray<ContentTag?> tags) : IEquatable<ContentTags>
{
    private readonly ImmutableArray<ContentTag?> _tags = tags;

    /// <summary>Whether any file was read whose content is not the earlier one.</summary>
    public bool HasNewContent(ContentTags earlier) => _tags.Zip(earlier._tags).Any(tag => tag.First is not null && tag.First != tag.Second);

    public bool Equals(ContentTags? other) => other is not null && _tags.AsSpan().SequenceEqual(other._tags.AsSpan());

    public override bool Equals(object? obj) => Equals(obj as ContentTags);

    public override int GetHashCode() => _tags.IsEmpty ? 0 : _tags[0].GetHashCode();

    public override string ToString() => nameof(ContentTags);
}
