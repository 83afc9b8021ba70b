using System.Diagnostics;
using System.Net;
using System.Net.Security;
using System.Net.Sockets;
using Akka.Actor;
using CertActors.Server;

namespace CertActors.Benchmarks;

/// <summary>
/// Makes thousands of rotations in one process, with handshakes at the same time, and measures what the replaced certificates leave behind. They
/// are not disposed, as handshakes and connections may hold them; finalizers release them.
/// </summary>
internal static class Replaced
{
    private const int Samples = 200;
    private const int Clients = 2;
    private const double MaxGrowth = 1.01;

    private static readonly TimeSpan MaxWait = TimeSpan.FromSeconds(30);

    public static async Task<int> RunAsync(int rotations)
    {
        var directory = Directory.CreateTempSubdirectory("certactors-benchmark-");
        using var system = ActorSystem.Create("benchmark", "akka.loglevel = WARNING");
        try
        {
            var volume = new KubernetesVolume(directory.FullName);
            volume.Write(SelfMadePair.Make());
            var holder = new CertificateHolder();
            var pair = new CertificateOptions
            {
                CertificatePath = volume.CertificatePath,
                KeyPath = volume.KeyPath,
                DebounceWindow = TimeSpan.FromMilliseconds(1), // As many rotations as possible.
            };
            system.ActorOf(CertificateSupervisor.Props(holder, pair), CertificateSupervisor.DefaultName);
            await holder.WaitForFirstAsync(MaxWait);

            // What the first rotations, handshakes and output load stays loaded, and does not count.
            Console.WriteLine($"{rotations} rotations, under handshakes of {Clients} clients");
            var tally = new Tally();
            await ServeAsync(holder, tally, () => RotateAsync(volume, holder, Math.Max(1, rotations / 100), _ => { }));
            var descriptors = DescriptorsAtRest();

            List<double> resident = [];
            var started = Stopwatch.GetTimestamp();
            var every = Math.Max(1, rotations / Samples);
            await ServeAsync(holder, tally, () => RotateAsync(volume, holder, rotations, rotation =>
            {
                if (rotation % every == 0)
                    resident.Add(Environment.WorkingSet / 1048576.0);
                if (rotation % (20 * every) == 0)
                    Console.WriteLine($"{rotation,6} rotations, {tally.Handshakes,7} handshakes, {tally.Failures} failed, {Environment.WorkingSet >> 20} MiB resident, {Descriptors()} descriptors");
            }));
            var took = Stopwatch.GetElapsedTime(started);

            var descriptorsAfter = DescriptorsAtRest();

            var lastHalf = resident[(resident.Count / 2)..];
            var (before, after) = (Median(lastHalf[..(lastHalf.Count / 2)]), Median(lastHalf[(lastHalf.Count / 2)..]));
            Console.WriteLine($"{rotations} rotations in {took.TotalSeconds:0} s, {tally.Handshakes} handshakes, {tally.Failures} failed");
            Console.WriteLine($"resident set: median {before:0.0} MiB in the third quarter of the run, {after:0.0} MiB in the last; {lastHalf.Min():0.0} to {lastHalf.Max():0.0} MiB in both");
            Console.WriteLine($"descriptors after a full collection: {descriptors} at the start, {descriptorsAfter} at the end");
            return tally.Failures == 0 && descriptorsAfter <= descriptors && after <= before * MaxGrowth ? 0 : 1;
        }
        finally
        {
            await system.Terminate();
            directory.Delete(recursive: true);
        }
    }

    private sealed class Tally
    {
        public long Handshakes;
        public long Failures;
    }

    private static async Task RotateAsync(KubernetesVolume volume, CertificateHolder holder, int rotations, Action<int> rotated)
    {
        for (var rotation = 1; rotation <= rotations; rotation++)
        {
            var next = SelfMadePair.Make();
            volume.Write(next);
            var written = Stopwatch.GetTimestamp();
            while (holder.Current!.Facts.Sha256 != next.Sha256)
            {
                if (Stopwatch.GetElapsedTime(written) > MaxWait)
                    throw new TimeoutException($"rotation {rotation} wasn't served within {MaxWait}");
                await Task.Delay(1);
            }

            rotated(rotation);
        }
    }

    /// <summary>Serves, and makes handshakes with itself, while the work runs.</summary>
    private static async Task ServeAsync(CertificateHolder holder, Tally tally, Func<Task> work)
    {
        using var listener = new TcpListener(IPAddress.Loopback, 0);
        listener.Start();
        using var ended = new CancellationTokenSource();
        var port = ((IPEndPoint)listener.LocalEndpoint).Port;
        Task[] clients = [.. Enumerable.Range(0, Clients).Select(_ => ShakeHandsAsync(port, tally, ended.Token))];
        var accepting = AcceptAsync(listener, holder, tally);

        await work();
        await ended.CancelAsync();
        await Task.WhenAll(clients);
        listener.Stop();
        await Task.WhenAll(await accepting);
    }

    /// <returns>The number of connections.</returns>
    private static async Task<List<Task>> AcceptAsync(TcpListener listener, CertificateHolder holder, Tally tally)
    {
        List<Task> connections = [];
        try
        {
            while (true)
            {
                var client = await listener.AcceptTcpClientAsync();
                connections.RemoveAll(connection => connection.IsCompleted);
                connections.Add(Task.Run(() => ServeAsync(client, holder, tally)));
            }
        }
        catch (SocketException)
        {
            return connections; // Stopped.
        }
    }

    private static async Task ServeAsync(TcpClient client, CertificateHolder holder, Tally tally)
    {
        try
        {
            using (client)
            {
                await using var tls = new SslStream(client.GetStream());
                await tls.AuthenticateAsServerAsync(new SslServerAuthenticationOptions { ServerCertificateContext = holder.Select("localhost")!.Context });
                await tls.ReadAtLeastAsync(new byte[1], 1, throwOnEndOfStream: false);
            }
        }
        catch (Exception error) when (error is IOException or System.Security.Authentication.AuthenticationException)
        {
            Interlocked.Increment(ref tally.Failures);
        }
    }

    private static async Task ShakeHandsAsync(int port, Tally tally, CancellationToken ended)
    {
        while (!ended.IsCancellationRequested)
        {
            await Client.ShakeHandsAsync(port);
            Interlocked.Increment(ref tally.Handshakes);
        }
    }

    /// <returns>The number of open descriptors after a full garbage collection.</returns>
    private static int DescriptorsAtRest()
    {
        for (var i = 0; i < 3; i++)
        {
            GC.Collect();
            GC.WaitForPendingFinalizers();
        }

        return Descriptors();
    }

    /// <returns>The open descriptors without those of assemblies, which are loaded at their first use.</returns>
    private static int Descriptors() =>
        Directory.GetFiles("/proc/self/fd").Count(each => new FileInfo(each).LinkTarget?.EndsWith(".dll", StringComparison.Ordinal) is false);

    private static double Median(List<double> values) => values.Order().ElementAt(values.Count / 2);
}
