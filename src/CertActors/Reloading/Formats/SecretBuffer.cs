using System.Collections.Concurrent;
using System.Security.Cryptography;

namespace CertActors.Reloading.Formats;

/// <summary>
/// Bytes that may be a key or a password: zeroed when they are given back, and pinned, so that the collector leaves no copy behind when it compacts.
/// </summary>
internal sealed class SecretBuffer : IDisposable
{
    // Most files of a pair are smaller; what needs more is no one's for long.
    private const int PooledSize = 32 * 1024;

    private static readonly ConcurrentBag<byte[]> Pool = [];

    private byte[] _bytes;
    private int _length;

    private SecretBuffer(byte[] bytes, int length)
    {
        _bytes = bytes;
        _length = length;
    }

    public Span<byte> Span => _bytes.AsSpan(0, _length);

    public Memory<byte> Memory => _bytes.AsMemory(0, _length);

    public static SecretBuffer Rent(int length) => new(
        length <= PooledSize && Pool.TryTake(out var pooled) ? pooled : GC.AllocateUninitializedArray<byte>(Math.Max(length, PooledSize), pinned: true),
        length);

    /// <summary>Fewer bytes than were rented were needed.</summary>
    public void Shorten(int length)
    {
        CryptographicOperations.ZeroMemory(_bytes.AsSpan(length.._length));
        _length = length;
    }

    public void Dispose()
    {
        var bytes = Interlocked.Exchange(ref _bytes, []);
        CryptographicOperations.ZeroMemory(bytes.AsSpan(0, Math.Min(bytes.Length, _length)));
        _length = 0;
        if (bytes.Length == PooledSize)
            Pool.Add(bytes);
    }
}
