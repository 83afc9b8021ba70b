using System.Text;
using CertActors.Diagnostics;

namespace CertActors.Server;

/// <summary>The standard output and error of the process. Writing to them never blocks or ends the process.</summary>
internal static class Output
{
    private static readonly TimeSpan FlushLimit = TimeSpan.FromMilliseconds(500);

    private static readonly (Stream? Output, Stream? Error) Streams = StandardStreams.Open();

    public static QueuedOutput Standard { get; } = new(Streams.Output ?? Stream.Null);

    public static QueuedOutput Error { get; } = new(Streams.Error ?? Stream.Null);

    /// <summary>Writes the result that the user asked for, and waits until it is written.</summary>
    /// <exception cref="IOException">Standard output is closed, or the write fails.</exception>
    public static void WriteWhole(string text)
    {
        var output = Streams.Output ?? throw new IOException("standard output is closed");
        output.Write(Encoding.UTF8.GetBytes(text));
    }

    /// <summary>Whether standard output is a terminal that shows colours, and the user has not refused them (https://no-color.org).</summary>
    public static bool ShowsColors() =>
        !Console.IsOutputRedirected
        && string.IsNullOrEmpty(Environment.GetEnvironmentVariable("NO_COLOR"))
        && Environment.GetEnvironmentVariable("TERM") is not (null or "" or "dumb");

    /// <summary>Reports an error in one line of standard error.</summary>
    public static void Fail(string message) => Error.WriteLine($"{CommandLine.Name}: {Printable.Of(message.ReplaceLineEndings(" "))}");

    /// <summary>Gives queued lines up to 500 ms to be written, before the process ends.</summary>
    public static void Flush()
    {
        Standard.Flush(FlushLimit);
        Error.Flush(FlushLimit);
    }
}
