using System.Runtime.InteropServices;

namespace CertActors.Watching.Sources;

/// <summary>Messages for the error numbers of inotify, with the remedy: inotify_init(2), inotify_add_watch(2).</summary>
internal static class InotifyErrors
{
    private const int NoEntry = 2, NoPermission = 13, NotADirectory = 20, NoSystemFiles = 23, NoFiles = 24, NoSpace = 28;

    public static IOException OfInstance(int error) => new(error switch
    {
        NoFiles => "no inotify instance is left for this user: raise the sysctl fs.inotify.max_user_instances "
            + "(in a user namespace also user.max_inotify_instances), or the process's limit of open files",
        NoSystemFiles => "the system has no file left to open: raise the sysctl fs.file-max",
        _ => $"inotify cannot be used: {Marshal.GetPInvokeErrorMessage(error)}",
    });

    public static Exception OfWatch(string directory, int error) => error switch
    {
        NoSpace => new IOException(
            $"no inotify watch is left for {directory}: raise the sysctl fs.inotify.max_user_watches (in a user namespace also user.max_inotify_watches)"),
        NoPermission => new UnauthorizedAccessException($"{directory} may not be watched: let the process's user read it"),
        NoEntry or NotADirectory => new DirectoryNotFoundException($"{directory} was removed before it was watched"),
        _ => new IOException($"{directory} cannot be watched: {Marshal.GetPInvokeErrorMessage(error)}"),
    };
}
