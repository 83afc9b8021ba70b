using System.Diagnostics;
using System.Net.Security;
using System.Net.Sockets;
using System.Security.Authentication;
using CertActors.Server;

namespace CertActors.Benchmarks;

/// <summary>
/// Measures the time from the return of a rotation's last system call to the end of the first handshake that gets the new certificate.
/// The server is a process of its own, probed every 10 ms, with one connection that is kept open. A figure includes the debounce window (150 ms), the
/// load, the wait for the next probe and a handshake. For comparison, it measures a Kestrel whose configuration names the files, too.
/// </summary>
internal static class Rotations
{
    private static readonly TimeSpan BetweenProbes = TimeSpan.FromMilliseconds(10);
    private static readonly TimeSpan BeforeKey = TimeSpan.FromSeconds(3);
    private static readonly TimeSpan MaxWait = TimeSpan.FromSeconds(30);

    // Kestrel polls every 4 s: a rotation right after the last one was served would always meet the same moment of its interval.
    private static readonly TimeSpan MaxPauseOfKestrel = TimeSpan.FromSeconds(4);

    // Each takes seconds.
    private const int TimesOfKestrel = 7;

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

    private sealed record Figures(List<double> Latencies)
    {
        public int Failed { get; set; }

        public int Cut { get; set; }

        public int Missed { get; set; }

        public override string ToString()
        {
            var sorted = Latencies.DefaultIfEmpty(double.NaN).Order().ToArray();
            return $"{Latencies.Count} rotations: median {At(0.5):0} ms, p99 {At(0.99):0} ms, worst {At(1):0} ms; failed handshakes {Failed}, cut connections {Cut}"
                + (Missed > 0 ? $"; {Missed} more were not served within {MaxWait.TotalSeconds:0} s" : "");

            double At(double share) => sorted[(int)Math.Ceiling(share * sorted.Length) - 1];
        }
    }

    /// <summary>Measures the server.</summary>
    public static async Task<int> RunAsync()
    {
        var failures = 0;
        foreach (var way in Ways)
        {
            var figures = await MeasureAsync(
                way, way.Times, maxPause: TimeSpan.Zero, files => [typeof(SelfMadePair).Assembly.Location, "--cert", files.Certificate, "--key", files.Key, "--port", "0"]);
            failures += figures.Failed + figures.Cut + figures.Missed;
        }

        return failures == 0 ? 0 : 1;
    }

    /// <summary>Measures a Kestrel whose configuration names the files.</summary>
    public static async Task<int> RunKestrelAsync()
    {
        foreach (var way in Ways)
        {
            await MeasureAsync(
                way,
                Math.Min(way.Times, TimesOfKestrel),
                MaxPauseOfKestrel,
                files => [typeof(Rotations).Assembly.Location, HandshakeServer.Command, HandshakeServer.Configured, files.Directory]);
        }

        return 0;
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

    private static async Task<Figures> MeasureAsync(Way way, int times, TimeSpan maxPause, Func<HandshakeServer.Files, string[]> serverOf)
    {
        var directory = Directory.CreateTempSubdirectory("certactors-benchmark-");
        var rotate = way.In(directory.FullName);
        await rotate(SelfMadePair.Make());
        var files = HandshakeServer.FilesIn(Path.Combine(directory.FullName, way.Directory));
        var (server, port) = await Client.StartServerAsync(serverOf(files));
        SslStream? open = null;
        try
        {
            open = await OpenAsync(port);
            var figures = new Figures([]);
            for (var i = 0; i < times; i++)
            {
                await Task.Delay(Random.Shared.NextDouble() * maxPause);
                var pair = SelfMadePair.Make();
                await rotate(pair);
                var rotated = Stopwatch.GetTimestamp();
                if (await IsServedAsync(port, pair.Sha256, rotated, figures))
                    figures.Latencies.Add(Stopwatch.GetElapsedTime(rotated).TotalMilliseconds);
                else
                    figures.Missed++;
                if (await IsOpenAsync(open))
                    continue;
                figures.Cut++;
                await open.DisposeAsync();
                open = await OpenAsync(port);
            }

            Console.WriteLine($"{way.Name,-16} {figures}");
            return figures;
        }
        finally
        {
            if (open is not null)
                await open.DisposeAsync();
            server.Kill();
            server.Dispose();
            directory.Delete(recursive: true);
        }
    }

    // Kestrel refuses some connections while it reloads.
    private static async Task<SslStream> OpenAsync(int port)
    {
        using var limit = new CancellationTokenSource(MaxWait);
        while (true)
        {
            try
            {
                return await Client.ConnectAsync(port);
            }
            catch (Exception error) when (error is IOException or SocketException or AuthenticationException)
            {
                await Task.Delay(BetweenProbes, limit.Token);
            }
        }
    }

    private static async Task<bool> IsOpenAsync(SslStream connection)
    {
        try
        {
            return (await Client.GetAsync(connection, "/")).Length > 0;
        }
        catch (IOException)
        {
            return false;
        }
    }

    private static async Task<bool> IsServedAsync(int port, string sha256, long rotated, Figures figures)
    {
        using var pace = new PeriodicTimer(BetweenProbes);
        while (Stopwatch.GetElapsedTime(rotated) < MaxWait)
        {
            try
            {
                if (await Client.ShakeHandsAsync(port) == sha256)
                    return true;
            }
            catch (Exception error) when (error is IOException or SocketException or AuthenticationException)
            {
                figures.Failed++;
            }

            await pace.WaitForNextTickAsync();
        }

        return false;
    }
}
