using System.Diagnostics;
using System.Globalization;
using System.Net;
using System.Security.Cryptography.X509Certificates;
using Akka.Actor;
using CertActors.AspNetCore;
using CertActors.Server;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Hosting.Server;
using Microsoft.AspNetCore.Hosting.Server.Features;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;

namespace CertActors.Benchmarks;

/// <summary>
/// Measures the CPU of a full handshake in the server's process, with a certificate from the holder, with that and a drain, and with a fixed one.
/// All servers run all the time and take turns, so that other load of the machine affects all.
/// </summary>
internal static class Handshakes
{
    private const int Rounds = 20;
    private const int HandshakesPerRound = 500;

    public static async Task<int> RunAsync()
    {
        var directory = Directory.CreateTempSubdirectory("certactors-benchmark-");
        var (cert, key) = (Path.Combine(directory.FullName, "tls.crt"), Path.Combine(directory.FullName, "tls.key"));
        var pair = SelfMadePair.Make();
        await File.WriteAllTextAsync(cert, pair.CertificatePem);
        await File.WriteAllTextAsync(key, pair.KeyPem);

        string[] kinds = [HandshakeServer.Fixed, HandshakeServer.Holder, HandshakeServer.Drain];
        var self = typeof(Handshakes).Assembly.Location;
        var servers = new (Process Server, int Port)[kinds.Length];
        for (var i = 0; i < kinds.Length; i++)
            servers[i] = await Client.StartServerAsync(self, HandshakeServer.Command, kinds[i], cert, key);
        try
        {
            var ratios = new List<(double Holder, double Drain)>();
            for (var round = -2; round < Rounds; round++)
            {
                var micros = new double[kinds.Length];
                for (var i = 0; i < kinds.Length; i++)
                {
                    // The order alternates.
                    var turn = (i + round + kinds.Length) % kinds.Length;
                    micros[turn] = await CpuOfARoundAsync(servers[turn]);
                }

                // The first rounds are a warm-up.
                if (round < 0)
                    continue;
                ratios.Add((micros[1] / micros[0], micros[2] / micros[0]));
                Console.WriteLine(
                    $"round {round + 1,2}: fixed {micros[0]:0} us, holder {micros[1]:0} us (ratio {ratios[^1].Holder:0.000}), " +
                    $"with drain {micros[2]:0} us (ratio {ratios[^1].Drain:0.000}) of server CPU a handshake");
            }

            Console.WriteLine(
                $"median ratio: holder {Median(ratios.Select(ratio => ratio.Holder)):0.000}, with drain {Median(ratios.Select(ratio => ratio.Drain)):0.000} " +
                $"of {Rounds} rounds of {HandshakesPerRound} handshakes each");
            return 0;
        }
        finally
        {
            foreach (var (server, _) in servers)
            {
                server.Kill();
                server.Dispose();
            }

            directory.Delete(recursive: true);
        }
    }

    private static double Median(IEnumerable<double> values) => values.Order().ElementAt(Rounds / 2);

    private static async Task<double> CpuOfARoundAsync((Process Server, int Port) server)
    {
        server.Server.Refresh();
        var before = server.Server.TotalProcessorTime;
        for (var i = 0; i < HandshakesPerRound; i++)
            await Client.ShakeHandsAsync(server.Port);
        server.Server.Refresh();
        return (server.Server.TotalProcessorTime - before).TotalMicroseconds / HandshakesPerRound;
    }
}

/// <summary>The server of <see cref="Handshakes"/> and of <see cref="Drain"/>, in a process of its own.</summary>
internal static class HandshakeServer
{
    public const string Command = "serve";
    public const string Fixed = "fixed";
    public const string Holder = "holder";
    public const string Drain = "drain";

    /// <summary>How long the drain of a generation takes.</summary>
    public static readonly TimeSpan DrainWindow = TimeSpan.FromSeconds(20);

    public static async Task<int> RunAsync(string kind, string cert, string key)
    {
        // Both run the actors, so that the comparison is of the handshake alone.
        using var system = ActorSystem.Create("benchmark", "akka.loglevel = WARNING");
        var holder = new CertificateHolder();
        system.ActorOf(CertificateSupervisor.Props(holder, new CertificateOptions { CertificatePath = cert, KeyPath = key }));
        await holder.WaitForFirstAsync();

        var builder = WebApplication.CreateSlimBuilder(["--hostBuilder:reloadConfigOnChange=false"]);
        builder.Logging.ClearProviders();
        builder.WebHost.UseKestrelHttpsConfiguration();
        builder.WebHost.ConfigureKestrel(kestrel =>
        {
            // Idle connections stay open while thousands of others are opened.
            kestrel.Limits.KeepAliveTimeout = TimeSpan.FromHours(1);
            kestrel.Listen(IPAddress.Loopback, 0, listen =>
            {
                if (kind == Fixed)
                    listen.UseHttps(X509Certificate2.CreateFromPemFile(cert, key));
                else
                    listen.UseCertificates(holder);
                if (kind == Drain)
                {
                    listen.UseCertificateDrain(drain =>
                    {
                        drain.GracePeriod = TimeSpan.Zero;
                        drain.DrainWindow = DrainWindow;
                    });
                }
            });
        });
        var app = builder.Build();
        app.MapGet("/memory", () => GC.GetTotalMemory(forceFullCollection: true).ToString(CultureInfo.InvariantCulture));
        await app.StartAsync();
        Console.WriteLine(app.Services.GetRequiredService<IServer>().Features.Get<IServerAddressesFeature>()!.Addresses.Single());
        await app.WaitForShutdownAsync();
        return 0;
    }
}
