using System.Runtime.InteropServices;

namespace CertActors.Server;

/// <summary>The inherited standard output and error.</summary>
internal static partial class StandardStreams
{
    /// <summary>
    /// Finds out which of them are open, before any other file is opened. A closed descriptor is filled with the null device, or the runtime has
    /// already used its number: in both cases nothing may be written to it.
    /// </summary>
    /// <returns>Standard output and error; null for a closed one.</returns>
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

    // An inherited descriptor is never close-on-exec (execve(2)); a descriptor that the runtime has opened always is.
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
