using System.Diagnostics;
using System.Net.Security;
using System.Security.Cryptography.X509Certificates;
using CertActors.Server;
using CertActors.Tests.Support;

namespace CertActors.Benchmarks;

/// <summary>
/// Measures the CPU of a full handshake in the server's process: with a certificate from the holder, and with that and a drain, compared with a fixed
/// certificate; then with client certificates that are verified against a trust bundle, compared with a hand-written check against fixed authorities.
/// The servers of a comparison run all the time and take turns, so that other load of the machine affects all.
/// </summary>
internal static class Handshakes
{
    private const int Rounds = 20;
    private const int WarmUpRounds = 2;
    private const int HandshakesPerRound = 500;

    public static async Task<int> RunAsync()
    {
        var directory = Directory.CreateTempSubdirectory("certactors-benchmark-");
        try
        {
            var files = HandshakeServer.FilesIn(directory.FullName);
            var pair = SelfMadePair.Make();
            await File.WriteAllTextAsync(files.Certificate, pair.CertificatePem);
            await File.WriteAllTextAsync(files.Key, pair.KeyPem);
            var now = DateTimeOffset.UtcNow;
            var authority = new TestAuthority("authority", notBefore: now.AddDays(-1), notAfter: now.AddDays(2));
            await File.WriteAllTextAsync(files.Authorities, authority.CertificatePem);
            var client = new TestLeaf { Issuer = authority, NotBefore = now.AddDays(-1), NotAfter = now.AddDays(1) }.Make();

            await CompareAsync(files, client: null, HandshakeServer.Fixed, HandshakeServer.Holder, HandshakeServer.Drain);
            await CompareAsync(
                files,
                SslStreamCertificateContext.Create(X509Certificate2.CreateFromPem(client.CertificatePem, client.KeyPem), additionalCertificates: null, offline: true),
                HandshakeServer.MutualFixed,
                HandshakeServer.Mutual);
            return 0;
        }
        finally
        {
            directory.Delete(recursive: true);
        }
    }

    /// <param name="files">What the servers serve.</param>
    /// <param name="client">The certificate of the client; null for none.</param>
    /// <param name="kinds">The servers. The others are compared with the first.</param>
    private static async Task CompareAsync(HandshakeServer.Files files, SslStreamCertificateContext? client, params string[] kinds)
    {
        var self = typeof(Handshakes).Assembly.Location;
        var servers = new (Process Server, int Port)[kinds.Length];
        for (var i = 0; i < kinds.Length; i++)
            servers[i] = await Client.StartServerAsync(self, HandshakeServer.Command, kinds[i], files.Directory);
        try
        {
            var rounds = new List<double[]>();
            for (var round = -WarmUpRounds; round < Rounds; round++)
            {
                var micros = new double[kinds.Length];
                for (var i = 0; i < kinds.Length; i++)
                {
                    // The order alternates.
                    var turn = (i + round + (WarmUpRounds * kinds.Length)) % kinds.Length;
                    micros[turn] = await CpuOfARoundAsync(servers[turn], client);
                }

                if (round < 0)
                    continue;
                rounds.Add(micros);
                Console.WriteLine($"round {round + 1,2}: " + string.Join(
                    ", ", kinds.Select((kind, i) => $"{kind} {micros[i]:0} us" + (i > 0 ? $" (ratio {micros[i] / micros[0]:0.000})" : ""))));
            }

            for (var i = 1; i < kinds.Length; i++)
            {
                double[] ratios = [.. rounds.Select(micros => micros[i] / micros[0]).Order()];
                Console.WriteLine(
                    $"{kinds[i]}: median ratio to {kinds[0]} {ratios[Rounds / 2]:0.000}, half of the rounds {ratios[Rounds / 4]:0.000} to {ratios[Rounds * 3 / 4]:0.000}; " +
                    $"{Rounds} rounds of {HandshakesPerRound} handshakes each");
            }
        }
        finally
        {
            foreach (var (server, _) in servers)
            {
                server.Kill();
                server.Dispose();
            }
        }
    }

    private static async Task<double> CpuOfARoundAsync((Process Server, int Port) server, SslStreamCertificateContext? client)
    {
        server.Server.Refresh();
        var before = server.Server.TotalProcessorTime;
        for (var i = 0; i < HandshakesPerRound; i++)
        {
            if (client is null)
                await Client.ShakeHandsAsync(server.Port);
            else
                await Client.ShakeHandsAsync(server.Port, client);
        }

        server.Server.Refresh();
        return (server.Server.TotalProcessorTime - before).TotalMicroseconds / HandshakesPerRound;
    }
}
