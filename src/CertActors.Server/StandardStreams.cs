using System.Runtime.InteropServices;

namespace CertActors.Server;

/// <summary>Standard output and error, as the process was given them.</summary>
internal static partial class StandardStreams
{
    /// <summary>
    /// Finds out which of them are open, before anything else is opened. A descriptor that is closed gets the null device, or has been taken by the
    /// runtime already: either way nothing may be written to it.
    /// </summary>
    /// <returns>Standard output and error; null for what is closed.</returns>
    public static (Stream? Output, Stream? Error) Open()
    {
        if (OperatingSystem.IsWindows())
            return (Console.OpenStandardOutput(), Console.OpenStandardError());

        const int output = 1, error = 2, firstOther = 3, readWrite = 2; // O_RDWR
        var (hasOutput, hasError) = (IsOurs(output), IsOurs(error));
        int opened;
        do
            opened = OpenDescriptor("/dev/null", readWrite);
        while (opened is >= 0 and < firstOther);
        if (opened >= firstOther)
            _ = CloseDescriptor(opened);
        return (hasOutput ? new DescriptorStream(output) : null, hasError ? new DescriptorStream(error) : null);
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
