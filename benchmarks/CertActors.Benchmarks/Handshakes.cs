using System.Diagnostics;
using System.Net.Security;
using System.Security.Cryptography.X509Certificates;
using CertActors.Server;
using CertActors.Tests.Support;

namespace CertActors.Benchmarks;

/// <summary>
/// Measures the CPU of a full handshake in the server's process: with a certificate from the holder, and with that and a drain, compared with a fixed
/// certificate; then with client certificates that are verified against a trust bundle, compared with a hand-written check against fixed authorities.
/// Then the same of handshakes that resume a session. The servers of a comparison run all the time and take turns, so that other load of the machine
/// affects all.
/// </summary>
internal static class Handshakes
{
    private const int Rounds = 20;
    private const int WarmUpRounds = 2;
    private const int HandshakesPerRound = 500;

    private const double HolderLimit = 1.03;
    private const double DrainLimit = 1.05;
    private const double MutualLimit = 1.03;

    /// <summary>Makes handshakes of one kind.</summary>
    /// <param name="Certificate">The certificate of the client; null for none.</param>
    /// <param name="IsResumed">Whether each resumes the session of the one before.</param>
    private sealed record Shaker(SslStreamCertificateContext? Certificate, bool IsResumed)
    {
        /// <returns>Whether a session was resumed.</returns>
        public async Task<bool> ShakeHandsAsync(string kind, int port)
        {
            // A name for each server: the client keeps sessions by the server's name.
            if (IsResumed)
                return await Client.ResumeAsync(port, $"{kind}.example", Certificate);
            await (Certificate is null ? Client.ShakeHandsAsync(port) : Client.ShakeHandsAsync(port, Certificate));
            return false;
        }
    }

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

            var context = SslStreamCertificateContext.Create(
                X509Certificate2.CreateFromPem(client.CertificatePem, client.KeyPem), additionalCertificates: null, offline: true);
            foreach (var isResumed in (bool[])[false, true])
            {
                Console.WriteLine(isResumed ? "handshakes that resume a session" : "full handshakes");
                await CompareAsync(
                    files, new Shaker(null, isResumed), HandshakeServer.Fixed, (HandshakeServer.Holder, HolderLimit), (HandshakeServer.Drain, DrainLimit));
                await CompareAsync(files, new Shaker(context, isResumed), HandshakeServer.MutualFixed, (HandshakeServer.Mutual, MutualLimit));
            }

            return 0;
        }
        finally
        {
            directory.Delete(recursive: true);
        }
    }

    private static async Task CompareAsync(HandshakeServer.Files files, Shaker shaker, string baseline, params (string Kind, double Limit)[] compared)
    {
        var self = typeof(Handshakes).Assembly.Location;
        string[] kinds = [baseline, .. compared.Select(other => other.Kind)];
        var servers = new List<(Process Server, int Port)>();
        try
        {
            foreach (var kind in kinds)
                servers.Add(await Client.StartServerAsync(self, HandshakeServer.Command, kind, files.Directory));

            // The client keeps sessions while a connection is open that has the same options.
            using var kept = shaker.IsResumed ? await Client.ConnectAsync(servers[0].Port, shaker.Certificate, "kept.example") : null;
            for (var i = 0; i < kinds.Length; i++)
                await shaker.ShakeHandsAsync(kinds[i], servers[i].Port);
            var rounds = new List<double[]>();
            for (var round = -WarmUpRounds; round < Rounds; round++)
            {
                var micros = new double[kinds.Length];
                for (var i = 0; i < kinds.Length; i++)
                {
                    // The order alternates.
                    var turn = (i + round + (WarmUpRounds * kinds.Length)) % kinds.Length;
                    micros[turn] = await CpuOfARoundAsync(kinds[turn], servers[turn], shaker);
                }

                if (round < 0)
                    continue;
                rounds.Add(micros);
                Console.WriteLine($"round {round + 1,2}: " + string.Join(
                    ", ", kinds.Select((kind, i) => $"{kind} {micros[i]:0} us" + (i > 0 ? $" (ratio {micros[i] / micros[0]:0.000})" : ""))));
            }

            foreach (var (i, (kind, limit)) in compared.Index())
            {
                double[] ratios = [.. rounds.Select(micros => micros[i + 1] / micros[0]).Order()];
                Console.WriteLine(
                    $"{kind}: median ratio to {baseline} {ratios[Rounds / 2]:0.000} ({Limit.AtMost(limit, ratios[Rounds / 2])}), half of the rounds {ratios[Rounds / 4]:0.000} to {ratios[Rounds * 3 / 4]:0.000}; " +
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

    private static async Task<double> CpuOfARoundAsync(string kind, (Process Server, int Port) server, Shaker shaker)
    {
        server.Server.Refresh();
        var before = server.Server.TotalProcessorTime;
        for (var i = 0; i < HandshakesPerRound; i++)
        {
            if (await shaker.ShakeHandsAsync(kind, server.Port) != shaker.IsResumed)
                throw new InvalidOperationException($"{kind} has {(shaker.IsResumed ? "not " : "")}resumed a session");
        }

        server.Server.Refresh();
        return (server.Server.TotalProcessorTime - before).TotalMicroseconds / HandshakesPerRound;
    }
}
