using System.Globalization;

namespace CertActors.Server;

/// <summary>How many connections the process's limit of open files leaves.</summary>
internal static class ConnectionLimit
{
    /// <summary>
    /// What the process itself needs: about 260 once everything is loaded (each assembly holds two), and the rest for loads and for new threads, which
    /// take two each while they start.
    /// </summary>
    private const long Own = 320;

    private const long Fewest = 16;

    /// <returns>As many as there may be where the process has no limit, or the platform doesn't tell.</returns>
    public static int OfThisProcess()
    {
        try
        {
            return Of(File.ReadLines("/proc/self/limits"));
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            return int.MaxValue; // Not Linux, or a sandbox without /proc.
        }
    }

    /// <param name="limits">proc_pid_limits(5): "Max open files            1024                 524288               files". The soft limit is in force.</param>
    public static int Of(IEnumerable<string> limits)
    {
        const string name = "Max open files";

        var line = limits.FirstOrDefault(line => line.StartsWith(name, StringComparison.Ordinal));
        var soft = line?[name.Length..].Split(' ', StringSplitOptions.RemoveEmptyEntries)[0];
        return long.TryParse(soft, CultureInfo.InvariantCulture, out var files) ? (int)Math.Clamp(files - Own, Fewest, int.MaxValue) : int.MaxValue;
    }
}
