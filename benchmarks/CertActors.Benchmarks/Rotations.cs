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
    private static readonly TimeSpan BetweenProbes = TimeSpan.FromMilliseconds(10);
    private static readonly TimeSpan BeforeKey = TimeSpan.FromSeconds(3);
    private static readonly TimeSpan MaxWait = TimeSpan.FromSeconds(15);

    /// <summary>A way in which files are replaced.</summary>
    /// <param name="Name">What is printed.</param>
    /// <param name="Times">How many times it is measured.</param>
    /// <param name="In">Prepares it in a directory: what a rotation does there.</param>
    /// <param name="Directory">The directory of the files, in that one.</param>
    private sealed record Way(string Name, int Times, Func<string, Func<SelfMadePair, Task>> In, string Directory = "");

    private static readonly Way[] Ways =
    [
        new("in place", 200, directory => pair => Sync(() => WriteInPlace(directory, pair))),
        new("rename", 200, directory => pair => Sync(() => Rename(directory, pair))),
        new("..data", 200, ReplaceDataLink),
        new("links of certbot", 50, ReplaceLinks, "live"),
        new("linked parent", 50, ReplaceParentLink, "current"),
        new("directory", 50, ReplaceDirectory, "tls"),
        new("key 3 s later", 10, WriteKeyLater),
    ];

    public static async Task<int> RunAsync()
    {
        var failures = 0;
        foreach (var way in Ways)
            failures += await MeasureAsync(way);
        return failures == 0 ? 0 : 1;
    }

    private static Task Sync(Action rotation)
    {
        rotation();
        return Task.CompletedTask;
    }

    private static void WriteInPlace(string directory, SelfMadePair pair)
    {
        File.WriteAllText(Path.Combine(directory, "tls.crt"), pair.CertificatePem);
        File.WriteAllText(Path.Combine(directory, "tls.key"), pair.KeyPem);
    }

    private static void Rename(string directory, SelfMadePair pair)
    {
        Rename(directory, "tls.crt", pair.CertificatePem);
        Rename(directory, "tls.key", pair.KeyPem);
    }

    private static void Rename(string directory, string name, string text)
    {
        var next = Path.Combine(directory, $"{name}.new");
        File.WriteAllText(next, text);
        File.Move(next, Path.Combine(directory, name), overwrite: true);
    }

    private static Func<SelfMadePair, Task> ReplaceDataLink(string directory)
    {
        var volume = new KubernetesVolume(directory);
        return pair => Sync(() => volume.Write(pair));
    }

    // It deletes each link, and makes it anew: for a moment, there is none.
    private static Func<SelfMadePair, Task> ReplaceLinks(string directory)
    {
        var version = 0;
        var (archive, live) = (Directory.CreateDirectory(Path.Combine(directory, "archive")), Directory.CreateDirectory(Path.Combine(directory, "live")));
        return pair => Sync(() =>
        {
            version++;
            foreach (var (name, text) in ((string, string)[])[("tls.crt", pair.CertificatePem), ("tls.key", pair.KeyPem)])
            {
                File.WriteAllText(Path.Combine(archive.FullName, $"{name}.{version}"), text);
                var link = Path.Combine(live.FullName, name);
                File.Delete(link);
                File.CreateSymbolicLink(link, $"../archive/{name}.{version}");
            }
        });
    }

    private static Func<SelfMadePair, Task> ReplaceParentLink(string directory)
    {
        var version = 0;
        return pair => Sync(() =>
        {
            var next = Directory.CreateDirectory(Path.Combine(directory, $"v{++version}"));
            WriteInPlace(next.FullName, pair);
            var link = Path.Combine(directory, "next");
            File.CreateSymbolicLink(link, next.Name);
            KubernetesVolume.Replace(link, Path.Combine(directory, "current"));
        });
    }

    private static Func<SelfMadePair, Task> ReplaceDirectory(string directory)
    {
        var version = 0;
        return pair => Sync(() =>
        {
            var (next, present) = (Directory.CreateDirectory(Path.Combine(directory, "next")), Path.Combine(directory, "tls"));
            WriteInPlace(next.FullName, pair);
            if (Directory.Exists(present))
                Directory.Move(present, Path.Combine(directory, $"old{++version}"));
            Directory.Move(next.FullName, present);
        });
    }

    private static Func<SelfMadePair, Task> WriteKeyLater(string directory) => async pair =>
    {
        Rename(directory, "tls.crt", pair.CertificatePem);
        await Task.Delay(BeforeKey);
        Rename(directory, "tls.key", pair.KeyPem);
    };

    private static async Task<int> MeasureAsync(Way way)
    {
        var directory = Directory.CreateTempSubdirectory("certactors-benchmark-");
        var rotate = way.In(directory.FullName);
        await rotate(SelfMadePair.Make());
        var files = Path.Combine(directory.FullName, way.Directory);
        var (server, port) = await Client.StartServerAsync(
            typeof(SelfMadePair).Assembly.Location, "--cert", Path.Combine(files, "tls.crt"), "--key", Path.Combine(files, "tls.key"), "--port", "0");
        try
        {
            var latencies = new List<double>();
            var failures = 0;
            for (var i = 0; i < way.Times; i++)
            {
                var pair = SelfMadePair.Make();
                await rotate(pair);
                var rotated = Stopwatch.GetTimestamp();
                failures += await ProbeUntilServedAsync(port, pair.Sha256, rotated);
                latencies.Add(Stopwatch.GetElapsedTime(rotated).TotalMilliseconds);
            }

            latencies.Sort();
            Console.WriteLine(
                $"{way.Name,-16} {way.Times} rotations: median {At(0.5):0} ms, p99 {At(0.99):0} ms, worst {At(1):0} ms; failed handshakes {failures}");
            return failures;

            double At(double share) => latencies[(int)Math.Ceiling(share * way.Times) - 1];
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
