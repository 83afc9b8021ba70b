using System.ComponentModel;
using System.Diagnostics;

namespace CertActors.IntegrationTests;

/// <summary>A test that needs <c>promtool</c>, of Debian's package <c>prometheus</c>; skipped on a machine that does not have it.</summary>
[AttributeUsage(AttributeTargets.Method)]
public sealed class PromtoolFactAttribute : FactAttribute
{
    private static readonly TimeSpan Generous = TimeSpan.FromSeconds(60);

    /// <summary>Sets the reason to skip if <c>promtool</c> is not installed.</summary>
    public PromtoolFactAttribute()
    {
        try
        {
            using var tried = Start("--version");
            tried.WaitForExit(Generous);
        }
        catch (Win32Exception)
        {
            Skip = "promtool is not installed";
        }
    }

    /// <returns>The exit code, and what it has printed.</returns>
    internal static async Task<(int ExitCode, string Output)> RunAsync(string input, params string[] arguments)
    {
        using var promtool = Start(arguments);
        var (output, errors) = (promtool.StandardOutput.ReadToEndAsync(), promtool.StandardError.ReadToEndAsync());
        await promtool.StandardInput.WriteAsync(input);
        promtool.StandardInput.Close();
        await promtool.WaitForExitAsync().WaitAsync(Generous);
        return (promtool.ExitCode, await output + await errors);
    }

    private static Process Start(params string[] arguments) => Process.Start(new ProcessStartInfo("promtool", arguments)
    {
        RedirectStandardInput = true,
        RedirectStandardOutput = true,
        RedirectStandardError = true,
    })!;
}
