using System.Buffers.Binary;

namespace CertActors.IntegrationTests;

/// <summary>
/// The client's side of a connection. It records what the server sends, and tells by that whether the session was resumed: <c>SslStream</c> does not say.
/// </summary>
internal sealed class HandshakeRecorder(Stream inner) : Stream
{
    private const byte Handshake = 22; // RFC 8446, 5.1
    private const byte ServerHello = 2; // RFC 8446, 4
    private const byte Certificate = 11;
    private const int RecordHeader = 5;
    private const int MessageHeader = 4;
    private const int PreSharedKey = 41; // RFC 8446, 4.2
    private const int SupportedVersions = 43;

    private readonly MemoryStream _received = new();

    public override bool CanRead => true;

    public override bool CanSeek => false;

    public override bool CanWrite => true;

    public override long Length => throw new NotSupportedException();

    public override long Position
    {
        get => throw new NotSupportedException();
        set => throw new NotSupportedException();
    }

    /// <summary>Whether the server has resumed a session.</summary>
    /// <remarks>
    /// With TLS 1.3, its hello selects a pre-shared key (RFC 8446, 4.2.11). With TLS 1.2, no certificate follows its hello (RFC 5246, 7.3).
    /// </remarks>
    /// <exception cref="InvalidOperationException">The server has sent no hello.</exception>
    public bool IsResumed
    {
        get
        {
            var rest = _received.ToArray().AsSpan();
            if (rest is not [Handshake, _, _, _, _, ServerHello, ..])
                throw new InvalidOperationException("The server has sent no hello.");

            var hello = Message(rest[RecordHeader..]);
            var extensions = Extensions(hello);
            return extensions.Contains(SupportedVersions) ? extensions.Contains(PreSharedKey) : MessageAfter(rest, hello.Length) != Certificate;
        }
    }

    public override int Read(byte[] buffer, int offset, int count) => Record(buffer.AsSpan(offset, count), inner.Read(buffer, offset, count));

    public override async ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default)
    {
        var length = await inner.ReadAsync(buffer, cancellationToken);
        return Record(buffer.Span, length);
    }

    public override void Write(byte[] buffer, int offset, int count) => inner.Write(buffer, offset, count);

    public override ValueTask WriteAsync(ReadOnlyMemory<byte> buffer, CancellationToken cancellationToken = default) => inner.WriteAsync(buffer, cancellationToken);

    public override void Flush() => inner.Flush();

    public override long Seek(long offset, SeekOrigin origin) => throw new NotSupportedException();

    public override void SetLength(long value) => throw new NotSupportedException();

    protected override void Dispose(bool disposing)
    {
        if (disposing)
            inner.Dispose();
        base.Dispose(disposing);
    }

    private int Record(ReadOnlySpan<byte> buffer, int length)
    {
        _received.Write(buffer[..length]);
        return length;
    }

    private static ReadOnlySpan<byte> Message(ReadOnlySpan<byte> messages) =>
        messages.Slice(MessageHeader, BinaryPrimitives.ReadInt32BigEndian(messages) & 0xff_ff_ff);

    // Messages may share a record, or have one each.
    private static byte MessageAfter(ReadOnlySpan<byte> records, int length)
    {
        var end = RecordHeader + MessageHeader + length;
        var recordEnd = RecordHeader + BinaryPrimitives.ReadUInt16BigEndian(records[3..]);
        if (end < recordEnd)
            return records[end];
        return records[recordEnd] == Handshake ? records[recordEnd + RecordHeader] : (byte)0;
    }

    private static List<int> Extensions(ReadOnlySpan<byte> hello)
    {
        const int Version = 2;
        const int Random = 32;
        const int CipherAndCompression = 3;

        List<int> extensions = [];
        var at = Version + Random;
        at += 1 + hello[at] + CipherAndCompression;
        for (at += 2; at < hello.Length; at += 4 + BinaryPrimitives.ReadUInt16BigEndian(hello[(at + 2)..]))
            extensions.Add(BinaryPrimitives.ReadUInt16BigEndian(hello[at..]));
        return extensions;
    }
}
