using System.Diagnostics;
using CertActors.Server;

namespace CertActors.Benchmarks;

/// <summary>
/// The throughput of full handshakes while the pair is rotated once a second, compared with that of no rotation. The server is a process of its own;
/// both phases take turns.
/// </summary>
internal static class Rotating
{
    private const int Rounds = 15;
    private const int Clients = 2;
    private const double MinRatio = 0.98;

    private static readonly TimeSpan Phase = TimeSpan.FromSeconds(6);

    public static async Task<int> RunAsync()
    {
        var directory = Directory.CreateTempSubdirectory("certactors-benchmark-");
        var files = HandshakeServer.FilesIn(directory.FullName);
        Write(files, SelfMadePair.Make());
        var (server, port) = await Client.StartServerAsync(
            typeof(Rotating).Assembly.Location, HandshakeServer.Command, HandshakeServer.Holder, directory.FullName);
        try
        {
            var tally = new Tally();
            await RunAsync(port, tally, files, isRotating: true); // A warm-up.
            var ratios = new List<double>();
            for (var round = 0; round < Rounds; round++)
            {
                // The order alternates.
                var first = await RunAsync(port, tally, files, isRotating: round % 2 == 0);
                var second = await RunAsync(port, tally, files, isRotating: round % 2 != 0);
                var (rotating, still) = round % 2 == 0 ? (first, second) : (second, first);
                ratios.Add(rotating / still);
                Console.WriteLine($"round {round + 1,2}: {still:0} handshakes a second, {rotating:0} with one rotation a second (ratio {ratios[^1]:0.000})");
            }

            ratios.Sort();
            Console.WriteLine(
                $"median ratio {ratios[Rounds / 2]:0.000} ({Limit.AtLeast(MinRatio, ratios[Rounds / 2])}), half of the rounds {ratios[Rounds / 4]:0.000} to {ratios[Rounds * 3 / 4]:0.000}; " +
                $"{tally.Generations.Count} certificates were served, {tally.Failures} handshakes failed");
            return tally.Failures == 0 ? 0 : 1;
        }
        finally
        {
            server.Kill();
            server.Dispose();
            directory.Delete(recursive: true);
        }
    }

    private static void Write(HandshakeServer.Files files, SelfMadePair pair)
    {
        File.WriteAllText(files.Certificate, pair.CertificatePem);
        File.WriteAllText(files.Key, pair.KeyPem);
    }

    /// <returns>The number of handshakes a second.</returns>
    private static async Task<double> RunAsync(int port, Tally tally, HandshakeServer.Files files, bool isRotating)
    {
        var (before, started) = (tally.Handshakes, Stopwatch.GetTimestamp());
        using var ended = new CancellationTokenSource();
        Task[] clients = [.. Enumerable.Range(0, Clients).Select(_ => ShakeHandsAsync(port, tally, ended.Token))];
        using var pace = new PeriodicTimer(TimeSpan.FromSeconds(1));
        while (Stopwatch.GetElapsedTime(started) < Phase && await pace.WaitForNextTickAsync())
        {
            if (isRotating)
                Write(files, SelfMadePair.Make());
        }

        await ended.CancelAsync();
        await Task.WhenAll(clients);
        return (tally.Handshakes - before) / Stopwatch.GetElapsedTime(started).TotalSeconds;
    }

    private static async Task ShakeHandsAsync(int port, Tally tally, CancellationToken ended)
    {
        while (!ended.IsCancellationRequested)
        {
            try
            {
                var served = await Client.ShakeHandsAsync(port);
                lock (tally.Generations)
                    tally.Generations.Add(served);
                Interlocked.Increment(ref tally.Handshakes);
            }
            catch (Exception error) when (error is IOException or System.Security.Authentication.AuthenticationException)
            {
                Interlocked.Increment(ref tally.Failures);
            }
        }
    }

    private sealed class Tally
    {
        public long Handshakes;
        public long Failures;

        public HashSet<string> Generations { get; } = [];
    }
}
