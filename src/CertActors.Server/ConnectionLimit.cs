using System.Globalization;

namespace CertActors.Server;

/// <summary>The number of connections that the limit of open files allows.</summary>
internal static class ConnectionLimit
{
    /// <summary>
    /// Descriptors that the process itself needs: about 260 once everything is loaded (two for each assembly); the rest is for loads and for new
    /// threads, each of which needs two while it starts.
    /// </summary>
    private const long Reserve = 320;

    private const long Min = 16;

    /// <returns><see cref="int.MaxValue"/> if the process has no limit, or the platform does not report it.</returns>
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

    /// <param name="limits">proc_pid_limits(5): "Max open files            1024                 524288               files". The soft limit applies.</param>
    public static int Of(IEnumerable<string> limits)
    {
        const string name = "Max open files";

        var line = limits.FirstOrDefault(line => line.StartsWith(name, StringComparison.Ordinal));
        var soft = line?[name.Length..].Split(' ', StringSplitOptions.RemoveEmptyEntries)[0];
        return long.TryParse(soft, CultureInfo.InvariantCulture, out var files) ? (int)Math.Clamp(files - Reserve, Min, int.MaxValue) : int.MaxValue;
    }
}
