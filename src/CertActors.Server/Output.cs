using System.Text;
using CertActors.Diagnostics;

namespace CertActors.Server;

/// <summary>The process's standard output and error, neither of which can stop or end it.</summary>
internal static class Output
{
    private static readonly TimeSpan FlushLimit = TimeSpan.FromMilliseconds(500);

    private static readonly (Stream? Output, Stream? Error) Streams = StandardStreams.Open();

    public static QueuedOutput Standard { get; } = new(Streams.Output ?? Stream.Null);

    public static QueuedOutput Error { get; } = new(Streams.Error ?? Stream.Null);

    /// <summary>Writes what the user has asked for, and waits until it's taken.</summary>
    /// <exception cref="IOException">It can't be written.</exception>
    public static void WriteWhole(string text)
    {
        var output = Streams.Output ?? throw new IOException("standard output is closed");
        output.Write(Encoding.UTF8.GetBytes(text));
    }

    /// <summary>Says what has gone wrong, in one line.</summary>
    public static void Fail(string message) => Error.WriteLine($"certactors: {Printable.Of(message.ReplaceLineEndings(" "))}");

    /// <summary>Before the process ends: gives what is queued a moment to be written.</summary>
    public static void Flush()
    {
        Standard.Flush(FlushLimit);
        Error.Flush(FlushLimit);
    }
}
