using System.Diagnostics;
using System.Globalization;
using System.Net.Security;
using CertActors.Server;

namespace CertActors.Benchmarks;

/// <summary>
/// Measures what a drain of thousands of idle HTTP/1.1 connections costs: the managed memory of a connection, and the slowest handshake while the
/// connections are closed, beside a server that leaves them open after the same rotation. Each run has a server process of its own.
/// </summary>
internal static class Drain
{
    private const int Rounds = 5;
    private const int OpenedAtOnce = 8;
    private const double MaxBytes = 200;
    private const double MaxSlowest = 1.5;

    // The benchmark's own files, and the handshakes that are measured.
    private const int SpareDescriptors = 200;

    private static readonly TimeSpan MaxWait = TimeSpan.FromSeconds(30);

    private sealed record Result(double BytesPerConnection, double Slowest, double Median, int Handshakes);

    public static async Task<int> RunAsync(int connections)
    {
        var isAll = connections <= ConnectionLimit.OfThisProcess() - SpareDescriptors;
        if (!isAll)
        {
            connections = ConnectionLimit.OfThisProcess() - SpareDescriptors;
            Console.WriteLine("the limit of open files allows fewer connections: raise it by ulimit -n");
        }

        Console.WriteLine($"{connections} connections, drained within {HandshakeServer.DrainWindow.TotalSeconds:0} s; by turns, {Rounds} times");

        string[] kinds = [HandshakeServer.Fixed, HandshakeServer.Holder, HandshakeServer.Drain];
        var rounds = new List<Dictionary<string, Result>>();
        for (var round = 0; round < Rounds; round++)
        {
            var results = new Dictionary<string, Result>();
            for (var i = 0; i < kinds.Length; i++)
            {
                var kind = kinds[(i + round) % kinds.Length];
                var result = results[kind] = await MeasureAsync(kind, connections);
                Console.WriteLine(
                    $"round {round + 1}: {kind,-6} {result.BytesPerConnection:0} bytes a connection; {result.Handshakes} handshakes after the rotation: " +
                    $"median {result.Median:0.0} ms, slowest {result.Slowest:0.0} ms");
            }

            rounds.Add(results);
        }

        Console.WriteLine($"counting: {Spread(round => Bytes(round, HandshakeServer.Holder) - Bytes(round, HandshakeServer.Fixed), "0", out _)} bytes a connection");
        var drain = Spread(round => Bytes(round, HandshakeServer.Drain) - Bytes(round, HandshakeServer.Holder), "0", out var bytes);
        Console.WriteLine($"drain: {drain} bytes a connection more ({Limit.AtMost(MaxBytes, bytes)})");
        var slowest = Spread(round => round[HandshakeServer.Drain].Slowest / round[HandshakeServer.Holder].Slowest, "0.00", out var times);
        Console.WriteLine($"the slowest handshake during a drain: {slowest} times the slowest without one ({Limit.AtMost(MaxSlowest, times)})");
        return isAll ? 0 : 1;

        string Spread(Func<Dictionary<string, Result>, double> value, string format, out double median)
        {
            double[] sorted = [.. rounds.Select(value).Order()];
            median = sorted[Rounds / 2];
            return $"{median.ToString(format, CultureInfo.InvariantCulture)} ({sorted[0].ToString(format, CultureInfo.InvariantCulture)} to {sorted[^1].ToString(format, CultureInfo.InvariantCulture)})";
        }

        static double Bytes(Dictionary<string, Result> round, string kind) => round[kind].BytesPerConnection;
    }

    private static async Task<Result> MeasureAsync(string kind, int connections)
    {
        var directory = Directory.CreateTempSubdirectory("certactors-benchmark-");
        var files = HandshakeServer.FilesIn(directory.FullName);
        Write(SelfMadePair.Make());
        var (server, port) = await Client.StartServerAsync(typeof(Drain).Assembly.Location, HandshakeServer.Command, kind, directory.FullName);
        var open = new SslStream[connections];
        try
        {
            // The first connections bring what all share, and are closed.
            await OpenAsync(port, open.AsMemory(0, Math.Min(connections, 500)));
            foreach (var connection in open)
                connection?.Dispose();
            var empty = await MemoryAsync(port);
            await OpenAsync(port, open);
            var bytes = (await MemoryAsync(port) - empty) / (double)connections;

            var next = SelfMadePair.Make();
            Write(next);
            var latencies = await ShakeHandsAsync(port, kind == HandshakeServer.Fixed ? null : next.Sha256);
            return new Result(bytes, latencies[^1], latencies[latencies.Count / 2], latencies.Count);
        }
        finally
        {
            server.Kill();
            server.Dispose();
            foreach (var connection in open)
                connection?.Dispose();
            directory.Delete(recursive: true);
        }

        void Write(SelfMadePair pair)
        {
            File.WriteAllText(files.Certificate, pair.CertificatePem);
            File.WriteAllText(files.Key, pair.KeyPem);
        }
    }

    /// <summary>Opens connections, and makes a request on each.</summary>
    private static async Task OpenAsync(int port, Memory<SslStream> connections) =>
        await Parallel.ForAsync(0, connections.Length, new ParallelOptions { MaxDegreeOfParallelism = OpenedAtOnce }, async (i, _) =>
        {
            var connection = await Client.ConnectAsync(port);
            connections.Span[i] = connection;
            await Client.GetAsync(connection, "/");
        });

    private static async Task<long> MemoryAsync(int port)
    {
        // A pause for what connections leave behind when they close or fall idle.
        await Task.Delay(TimeSpan.FromSeconds(2));
        using var connection = await Client.ConnectAsync(port);
        var response = await Client.GetAsync(connection, "/memory");
        return long.Parse(response.Split("\r\n").Last(line => line.Length > 0 && line != "0"), CultureInfo.InvariantCulture);
    }

    /// <summary>Makes handshakes one after another, for as long as a drain takes, from the first that gets the new certificate; null for any.</summary>
    /// <returns>Their times in milliseconds, sorted.</returns>
    private static async Task<List<double>> ShakeHandsAsync(int port, string? sha256)
    {
        var latencies = new List<double>();
        var started = Stopwatch.GetTimestamp();
        while (await Client.ShakeHandsAsync(port) is { } served && sha256 is not null && served != sha256)
        {
            if (Stopwatch.GetElapsedTime(started) > MaxWait)
                throw new TimeoutException($"{sha256} wasn't served within {MaxWait}");
        }

        started = Stopwatch.GetTimestamp();
        while (Stopwatch.GetElapsedTime(started) < HandshakeServer.DrainWindow)
        {
            var begun = Stopwatch.GetTimestamp();
            await Client.ShakeHandsAsync(port);
            latencies.Add(Stopwatch.GetElapsedTime(begun).TotalMilliseconds);
        }

        latencies.Sort();
        return latencies;
    }
}
