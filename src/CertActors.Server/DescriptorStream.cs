using System.Runtime.InteropServices;

namespace CertActors.Server;

/// <summary>Writes to an inherited file descriptor, and leaves it open.</summary>
/// <remarks>
/// The streams of <see cref="Console"/> share one lock for both descriptors, so that a log without a reader also blocks standard error; and at a
/// limit of the file size they throw an exception that is no <see cref="IOException"/>. A <see cref="FileStream"/> keeps its own position, and
/// overwrites what other processes append to the same file.
/// </remarks>
internal sealed partial class DescriptorStream(int descriptor) : Stream
{
    private const int Interrupted = 4, BrokenPipe = 32; // EINTR, EPIPE: the same numbers on Linux and macOS

    public override bool CanRead => false;

    public override bool CanSeek => false;

    public override bool CanWrite => true;

    public override long Length => throw new NotSupportedException();

    public override long Position
    {
        get => throw new NotSupportedException();
        set => throw new NotSupportedException();
    }

    /// <summary>Blocks until all bytes are written. A pipe whose reader has closed it is no error: <c>head -1</c> has read what it needs.</summary>
    /// <exception cref="IOException">write(2) fails.</exception>
    public override void Write(ReadOnlySpan<byte> buffer)
    {
        while (!buffer.IsEmpty)
        {
            var written = WriteTo(descriptor, buffer, (nuint)buffer.Length);
            if (written >= 0)
            {
                buffer = buffer[(int)written..];
                continue;
            }

            var error = Marshal.GetLastPInvokeError();
            if (error == BrokenPipe)
                return;
            if (error == WouldBlock)
                WaitUntilWritable();
            else if (error != Interrupted)
                throw new IOException(Marshal.GetPInvokeErrorMessage(error));
        }
    }

    public override void Write(byte[] buffer, int offset, int count) => Write(buffer.AsSpan(offset, count));

    public override void Flush()
    {
    }

    public override int Read(byte[] buffer, int offset, int count) => throw new NotSupportedException();

    public override long Seek(long offset, SeekOrigin origin) => throw new NotSupportedException();

    public override void SetLength(long value) => throw new NotSupportedException();

    private static int WouldBlock => OperatingSystem.IsLinux() ? 11 : 35; // EAGAIN

    // Another process that shares the descriptor may have made it non-blocking.
    private void WaitUntilWritable()
    {
        const short canWrite = 4; // POLLOUT
        var waitsFor = new PollDescriptor { Descriptor = descriptor, Events = canWrite };
        _ = Poll(ref waitsFor, 1, timeout: -1);
    }

    [LibraryImport("libc", EntryPoint = "write", SetLastError = true)]
    private static partial nint WriteTo(int descriptor, ReadOnlySpan<byte> bytes, nuint count);

    [LibraryImport("libc", EntryPoint = "poll")]
    private static partial int Poll(ref PollDescriptor descriptor, nuint count, int timeout);

    [StructLayout(LayoutKind.Sequential)]
    private struct PollDescriptor
    {
        public int Descriptor;
        public short Events;
        public short Occurred;
    }
}
