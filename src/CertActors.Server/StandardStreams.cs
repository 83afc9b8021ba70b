using System.Runtime.InteropServices;

namespace CertActors.Server;

/// <summary>Standard output and error, as the process was given them.</summary>
internal static partial class StandardStreams
{
    private const int FirstOther = 3;

    /// <summary>
    /// Puts the null device in the place of standard descriptors that are closed: what is opened next would get their numbers, and be written to
    /// as standard output. To be called before anything is opened.
    /// </summary>
    /// <returns>Standard output and error; <see cref="Stream.Null"/> for what was closed.</returns>
    public static (Stream Output, Stream Error) Open()
    {
        if (OperatingSystem.IsWindows())
            return (Console.OpenStandardOutput(), Console.OpenStandardError());

        var (hasOutput, hasError) = (IsOurs(1), IsOurs(2));
        const int readWrite = 2; // O_RDWR
        int opened;
        do
            opened = OpenDescriptor("/dev/null", readWrite);
        while (opened is >= 0 and < FirstOther);
        if (opened >= FirstOther)
            _ = CloseDescriptor(opened);
        return (hasOutput ? Console.OpenStandardOutput() : Stream.Null, hasError ? Console.OpenStandardError() : Stream.Null);
    }

    // What is inherited is never close-on-exec (execve(2)); what the runtime has opened in its place always is.
    private static bool IsOurs(int descriptor)
    {
        const int getFlags = 1, closeOnExec = 1; // F_GETFD, FD_CLOEXEC
        return Control(descriptor, getFlags, 0) is >= 0 and var flags && (flags & closeOnExec) == 0;
    }

    [LibraryImport("libc", EntryPoint = "open", StringMarshalling = StringMarshalling.Utf8)]
    private static partial int OpenDescriptor(string path, int flags);

    [LibraryImport("libc", EntryPoint = "close")]
    private static partial int CloseDescriptor(int descriptor);

    [LibraryImport("libc", EntryPoint = "fcntl")]
    private static partial int Control(int descriptor, int command, int argument);
}
