using System.Diagnostics;
using CertActors.Server;

namespace CertActors.Benchmarks;

/// <summary>
/// Measures the time from the return of a rotation's last system call to the end of the first handshake that gets the new certificate.
/// The server is a process of its own, probed every 10 ms. A figure includes the debounce window (150 ms), the load, the wait for the next probe
/// and a handshake.
/// </summary>
internal static class Rotations
{
    private const int Times = 200;

    private static readonly TimeSpan BetweenProbes = TimeSpan.FromMilliseconds(10);
    private static readonly TimeSpan MaxWait = TimeSpan.FromSeconds(15);

    public static async Task<int> RunAsync()
    {
        var failures = 0;
        failures += await MeasureAsync("in place", WriteInPlace);
        failures += await MeasureAsync("rename", Rename);
        failures += await MeasureAsync("..data", directory =>
        {
            var volume = new KubernetesVolume(directory);
            return volume.Write;
        });
        return failures == 0 ? 0 : 1;
    }

    private static Action<SelfMadePair> WriteInPlace(string directory) => pair =>
    {
        File.WriteAllText(Path.Combine(directory, "tls.crt"), pair.CertificatePem);
        File.WriteAllText(Path.Combine(directory, "tls.key"), pair.KeyPem);
    };

    private static Action<SelfMadePair> Rename(string directory) => pair =>
    {
        foreach (var (name, text) in ((string, string)[])[("tls.crt", pair.CertificatePem), ("tls.key", pair.KeyPem)])
        {
            var next = Path.Combine(directory, $"{name}.new");
            File.WriteAllText(next, text);
            File.Move(next, Path.Combine(directory, name), overwrite: true);
        }
    };

    private static async Task<int> MeasureAsync(string name, Func<string, Action<SelfMadePair>> rotationIn)
    {
        var directory = Directory.CreateTempSubdirectory("certactors-benchmark-");
        var rotate = rotationIn(directory.FullName);
        rotate(SelfMadePair.Make());
        var (server, port) = await Client.StartServerAsync(
            typeof(SelfMadePair).Assembly.Location,
            "--cert", Path.Combine(directory.FullName, "tls.crt"), "--key", Path.Combine(directory.FullName, "tls.key"), "--port", "0");
        try
        {
            var latencies = new List<double>();
            var failures = 0;
            for (var i = 0; i < Times; i++)
            {
                var pair = SelfMadePair.Make();
                rotate(pair);
                var rotated = Stopwatch.GetTimestamp();
                failures += await ProbeUntilServedAsync(port, pair.Sha256, rotated);
                latencies.Add(Stopwatch.GetElapsedTime(rotated).TotalMilliseconds);
            }

            latencies.Sort();
            Console.WriteLine(
                $"{name,-9} {Times} rotations: median {At(0.5):0} ms, p99 {At(0.99):0} ms, worst {At(1):0} ms; failed handshakes {failures}");
            return failures;

            double At(double share) => latencies[(int)Math.Ceiling(share * Times) - 1];
        }
        finally
        {
            server.Kill();
            server.Dispose();
            directory.Delete(recursive: true);
        }
    }

    /// <returns>The number of failed handshakes.</returns>
    private static async Task<int> ProbeUntilServedAsync(int port, string sha256, long rotated)
    {
        var failures = 0;
        using var pace = new PeriodicTimer(BetweenProbes);
        while (Stopwatch.GetElapsedTime(rotated) < MaxWait)
        {
            try
            {
                if (await Client.ShakeHandsAsync(port) == sha256)
                    return failures;
            }
            catch (Exception error) when (error is IOException or System.Security.Authentication.AuthenticationException)
            {
                failures++;
            }

            await pace.WaitForNextTickAsync();
        }

        throw new TimeoutException($"{sha256} wasn't served within {MaxWait}");
    }
}
