using System.ComponentModel;
using System.Diagnostics;

namespace CertActors.IntegrationTests;

/// <summary>A test that needs a user namespace; skipped where the machine gives none.</summary>
[AttributeUsage(AttributeTargets.Method)]
public sealed class UserNamespaceFactAttribute : FactAttribute
{
    private static readonly Lazy<bool> IsToBeHad = new(Try);

    /// <summary>Skips the test if need be.</summary>
    public UserNamespaceFactAttribute()
    {
        if (!IsToBeHad.Value)
            Skip = "user namespaces are not to be had here: unshare -Urm fails, or may not mount or set user.max_inotify_instances";
    }

    /// <summary>What a command is preceded by to run without inotify.</summary>
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
