using System.Diagnostics;
using CertActors.Diagnostics;

namespace CertActors.Server;

/// <summary>Serves a self-made pair, replaces it again and again, and makes handshakes with itself at the same time.</summary>
internal sealed class Demonstration(WebApplication app, KubernetesVolume volume, HandshakeTally tally)
{
    private const double MinShareMade = 0.9;

    private static readonly TimeSpan BetweenHandshakes = TimeSpan.FromMilliseconds(20);

    // The pair is there; a machine that is busy may take longer for the first load than a load may take.
    private static readonly TimeSpan MaxStart = TimeSpan.FromSeconds(30);
    private static readonly TimeSpan MaxRotation = TimeSpan.FromSeconds(5);

    private int _rotations;

    public static async Task<int> RunAsync(DemonstrationArguments arguments, Signals signals)
    {
        if (OperatingSystem.IsWindows())
            throw new IOException("the demonstration needs symbolic links, which Windows reserves for administrators; give a pair with --cert and --key.");

        var directory = Directory.CreateTempSubdirectory("certactors-");
        try
        {
            var volume = new KubernetesVolume(directory.FullName);
            var first = SelfMadePair.Make();
            volume.Write(first);

            var pair = new CertificateOptions { CertificatePath = volume.CertificatePath, KeyPath = volume.KeyPath };
            var serve = new ServeArguments
            {
                Endpoint = arguments.Endpoint,
                MaxConnections = arguments.MaxConnections,
                Configuration = ServerConfiguration.Of(pair),
                Wait = MaxStart,
            };
            var app = ServerHost.Build(serve, LogLevel.Warning, signals);
            try
            {
                await app.StartAsync(signals.Ended);
                app.ReloadOnHangUp(signals);
                var demonstration = new Demonstration(app, volume, new HandshakeTally(app.ListensOn(), first.Sha256));
                return await demonstration.RunAsync(arguments.Every, arguments.Rotations, signals.Ended);
            }
            finally
            {
                await app.EndAsync();
            }
        }
        finally
        {
            directory.Delete(recursive: true);
        }
    }

    private async Task<int> RunAsync(TimeSpan every, int? rotations, CancellationToken interrupted)
    {
        Output.Standard.WriteLine($"Serving https://{app.ListensOn()} and rotating every {every.TotalSeconds:0.###} s; {Signals.Describe()}.");
        using var handshaking = new CancellationTokenSource();
        var started = Stopwatch.GetTimestamp();
        var handshakes = ShakeHandsAsync(handshaking.Token);
        var report = ReportAsync(handshaking.Token);

        await RotateAsync(every, rotations, interrupted);
        await tally.WaitForAllAsync(MaxRotation);
        await handshaking.CancelAsync();
        await Task.WhenAll(handshakes, report);
        var intended = (long)(Stopwatch.GetElapsedTime(started) / BetweenHandshakes);
        return Summarize(intended) ? 0 : 1;
    }

    private async Task RotateAsync(TimeSpan every, int? rotations, CancellationToken ended)
    {
        using var pace = new PeriodicTimer(every);
        try
        {
            while (_rotations < (rotations ?? int.MaxValue) && await pace.WaitForNextTickAsync(ended))
            {
                var next = SelfMadePair.Make();
                tally.Expect(next.Sha256);
                volume.Write(next);
                tally.Swapped(next.Sha256);
                _rotations++;
            }
        }
        catch (OperationCanceledException)
        {
            // Ctrl+C.
        }
    }

    private async Task ShakeHandsAsync(CancellationToken ended)
    {
        var running = new List<Task>();
        using var pace = new PeriodicTimer(BetweenHandshakes);
        try
        {
            while (await pace.WaitForNextTickAsync(ended))
            {
                running.RemoveAll(handshake => handshake.IsCompleted);
                running.Add(Task.Run(tally.ShakeHandsAsync, CancellationToken.None));
            }
        }
        catch (OperationCanceledException)
        {
            await Task.WhenAll(running);
        }
    }

    private async Task ReportAsync(CancellationToken ended)
    {
        using var pace = new PeriodicTimer(TimeSpan.FromSeconds(1));
        try
        {
            while (await pace.WaitForNextTickAsync(ended))
            {
                var current = app.Services.GetRequiredService<CertificateHolder>().Current!;
                var latency = tally.LastLatency is { } last ? $"{last.TotalMilliseconds:0} ms" : "none yet";
                Output.Standard.WriteLine(
                    $"generation {current.Generation,4}  {current.Facts.Sha256[..12]} until {current.Facts.NotAfter:HH:mm:ss}Z"
                    + $"  handshakes {tally.Handshakes,6}  failures {tally.Failures}  last rotation {latency}");
            }
        }
        catch (OperationCanceledException)
        {
            // The demonstration ends.
        }
    }

    /// <returns>Whether no handshake failed, enough were made, and every generation was seen.</returns>
    private bool Summarize(long intended)
    {
        var latencies = tally.Latencies;
        Output.Standard.WriteLine("");
        Output.Standard.WriteLine($"rotations    {_rotations}");
        Output.Standard.WriteLine($"handshakes   {tally.Handshakes} of {intended} intended");
        Output.Standard.WriteLine($"failures     {tally.Failures}");
        if (latencies.Count > 0)
        {
            Output.Standard.WriteLine(
                $"latency      median {At(0.5)}, p99 {At(0.99)}, worst {At(1)}, from the swap to the first handshake that got the new certificate");
        }

        foreach (var failure in tally.FirstFailures)
            Output.Standard.WriteLine($"failed       {Printable.Of(failure)}");
        if (tally.Unseen > 0)
            Output.Standard.WriteLine($"unseen       {tally.Unseen} of {_rotations + 1} generations");
        return tally.Failures == 0 && tally.Handshakes >= MinShareMade * intended && tally.Unseen == 0;

        string At(double share) => $"{latencies[(int)Math.Ceiling(share * latencies.Count) - 1].TotalMilliseconds:0} ms";
    }
}
