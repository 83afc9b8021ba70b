using System.ComponentModel;
using System.Diagnostics;

namespace CertActors.IntegrationTests;

/// <summary>A test that needs a user namespace; skipped on a machine that does not allow one.</summary>
[AttributeUsage(AttributeTargets.Method)]
public sealed class UserNamespaceFactAttribute : FactAttribute
{
    private static readonly Lazy<bool> IsAvailable = new(Try);

    /// <summary>Sets the reason to skip if user namespaces are not available.</summary>
    public UserNamespaceFactAttribute()
    {
        if (!IsAvailable.Value)
            Skip = "user namespaces are not available: unshare -Urm fails, or must not mount or set user.max_inotify_instances";
    }

    /// <summary>The prefix of a command that runs it without inotify.</summary>
    internal static string[] WithoutInotify { get; } =
        ["unshare", "-Ur", "sh", "-c", "echo 0 > /proc/sys/user/max_inotify_instances && exec \"$@\"", "sh"];

    private static bool Try()
    {
        try
        {
            return Runs([.. WithoutInotify, "true"]) && Runs(["unshare", "-Urm", "mount", "--bind", "/tmp", "/tmp"]);
        }
        catch (Win32Exception)
        {
            return false; // No such program.
        }
    }

    private static bool Runs(string[] command)
    {
        using var tried = Process.Start(new ProcessStartInfo(command[0], command[1..]) { RedirectStandardError = true })!;
        return tried.WaitForExit(TimeSpan.FromSeconds(30)) && tried.ExitCode == 0;
    }
}
