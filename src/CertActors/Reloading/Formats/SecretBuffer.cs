using System.Collections.Concurrent;
using System.Security.Cryptography;

namespace CertActors.Reloading.Formats;

/// <summary>
/// Bytes that may be a key or a password. They are zeroed when disposed of, and pinned, as the garbage collector would leave copies when it compacts.
/// </summary>
internal sealed class SecretBuffer : IDisposable
{
    // Most files of a pair are smaller. Larger buffers are not pooled.
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

    /// <summary>Drops the bytes from <paramref name="length"/> on.</summary>
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
