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
            Skip = "user namespaces are not to be had here: unshare -Ur fails, or may not set user.max_inotify_instances";
    }

    /// <summary>What a command is preceded by to run without inotify.</summary>
    internal static string[] WithoutInotify { get; } =
        ["unshare", "-Ur", "sh", "-c", "echo 0 > /proc/sys/user/max_inotify_instances && exec \"$@\"", "sh"];

    private static bool Try()
    {
        try
        {
            using var tried = Process.Start(new ProcessStartInfo(WithoutInotify[0], [.. WithoutInotify[1..], "true"]) { RedirectStandardError = true })!;
            return tried.WaitForExit(TimeSpan.FromSeconds(30)) && tried.ExitCode == 0;
        }
        catch (Win32Exception)
        {
            return false; // No such program.
        }
    }
}
