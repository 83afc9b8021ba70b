using System.Net;
using System.Net.Sockets;
using System.Text.Json;
using CertActors.Server;

namespace CertActors.IntegrationTests;

/// <summary>When descriptors are used up, the server keeps serving, and reloads as soon as some are free.</summary>
public sealed class DescriptorTests : IDisposable
{
    private const int Descriptors = 300;
    private const int Connections = 16;

    private static readonly TimeSpan Generous = TimeSpan.FromSeconds(60);

    private readonly DirectoryInfo _directory = Directory.CreateTempSubdirectory("certactors-test-");

    private string CertPath => Path.Combine(_directory.FullName, "tls.crt");

    private string KeyPath => Path.Combine(_directory.FullName, "tls.key");

    public void Dispose() => _directory.Delete(recursive: true);

    [Theory]
    [InlineData("1024", 704)]
    [InlineData("300", Connections)]
    [InlineData("1073741816", 1073741496)]
    [InlineData("unlimited", int.MaxValue)]
    public void As_many_connections_are_open_as_the_limit_of_open_files_leaves(string files, int connections)
    {
        string[] limits =
        [
            "Limit                     Soft Limit           Hard Limit           Units     ",
            $"Max open files            {files,-20} unlimited            files     ",
        ];
        Assert.Equal(connections, ConnectionLimit.Of(limits));
        Assert.Equal(int.MaxValue, ConnectionLimit.Of([]));
    }

    [Theory]
    [InlineData(null)]
    [InlineData("100000")]
    public async Task More_connections_than_descriptors_leave_some_for_loads_and_are_served_in_turn(string? maxConnections)
    {
        Write(SelfMadePair.Make());
        using var server = Serve(maxConnections is null ? [] : ["--max-connections", maxConnections]);
        var address = await server.ListensAsync();
        SelfMadePair next;
        using (new IdleConnections(address, Descriptors))
        {
            await Wait.UntilAsync(() => Task.FromResult(server.Descriptors().Count(file => file.StartsWith("socket:", StringComparison.Ordinal)) > Connections));
            var highest = 0;
            File.WriteAllText(CertPath, "garbage");
            await Wait.UntilAsync(() =>
            {
                highest = Math.Max(highest, server.Descriptors().Length);
                return Task.FromResult(server.Output.Any(line => line.Contains($"({nameof(RejectionReason.CertificateMalformed)})", StringComparison.Ordinal)));
            });
            Assert.InRange(highest, 0, Descriptors - 10);

            next = Write(SelfMadePair.Make());
            await Wait.UntilAsync(() => Task.FromResult(server.Output.Any(line => line.Contains(next.Sha256, StringComparison.Ordinal))));
        }

        Assert.Equal(next.Sha256, (await server.StatusAsync(address)).GetProperty("sha256").GetString());
        await server.SignalAsync("TERM");
        Assert.Equal(0, await server.ExitAsync());
    }

    [Fact]
    public async Task Where_no_file_can_be_opened_the_remedy_is_reported_and_the_pair_is_followed_afterwards()
    {
        var pair = Write(SelfMadePair.Make());
        using var server = Serve();
        var address = await server.ListensAsync();
        await server.StatusAsync(address); // On a connection that stays open.

        await server.LimitDescriptorsAsync(64);
        File.WriteAllText(CertPath, "garbage");
        await Wait.UntilAsync(async () => (await server.StatusAsync(address)).GetProperty("lastFailure").ValueKind == JsonValueKind.Object);
        var next = Write(SelfMadePair.Make());
        await Wait.UntilAsync(() => Task.FromResult(server.Output.Any(line => line.Contains("limit of open files", StringComparison.Ordinal))));
        var status = await server.StatusAsync(address);
        Assert.Equal(nameof(RejectionReason.FileUnreadable), status.GetProperty("lastFailure").GetProperty("reason").GetString());
        Assert.Equal(pair.Sha256, status.GetProperty("sha256").GetString());

        await server.LimitDescriptorsAsync(Descriptors);
        await Wait.UntilAsync(async () => (await server.StatusAsync(address)).GetProperty("sha256").GetString() == next.Sha256);
        await server.SignalAsync("TERM");
        Assert.Equal(0, await server.ExitAsync());
    }

    [Fact]
    public async Task What_is_used_late_is_loaded_before_it_serves()
    {
        Write(SelfMadePair.Make());
        using var server = Serve();
        var address = await server.ListensAsync();
        var loaded = Assemblies();
        Assert.Contains(loaded, file => file.EndsWith("/System.Diagnostics.StackTrace.dll", StringComparison.Ordinal)); // for the log of a failed actor

        using (var stranger = new TcpClient())
        {
            await stranger.ConnectAsync(address.Host, address.Port);
            await stranger.GetStream().WriteAsync(new byte[] { 21, 3, 1, 0, 2, 1, 0 });
            Assert.Equal(0, await stranger.GetStream().ReadAsync(new byte[1]).AsTask().WaitAsync(Generous));
        }

        File.WriteAllText(CertPath, "garbage");
        await Wait.UntilAsync(async () => (await server.StatusAsync(address)).GetProperty("lastFailure").ValueKind == JsonValueKind.Object);
        var next = Write(SelfMadePair.Make());
        await Wait.UntilAsync(async () => (await server.StatusAsync(address)).GetProperty("sha256").GetString() == next.Sha256);
        using (var request = new HttpRequestMessage(HttpMethod.Get, address) { Version = HttpVersion.Version20, VersionPolicy = HttpVersionPolicy.RequestVersionExact })
        using (await server.Client.SendAsync(request))
            Assert.Equal(loaded, Assemblies());

        string[] Assemblies() => [.. server.Descriptors().Where(file => file.EndsWith(".dll", StringComparison.Ordinal)).Distinct().Order()];
    }

    private ServerProcess Serve(params string[] options) =>
        ServerProcess.StartWithDescriptors(Descriptors, ["--cert", CertPath, "--key", KeyPath, "--port", "0", .. options]);

    private SelfMadePair Write(SelfMadePair pair)
    {
        File.WriteAllText(CertPath, pair.CertificatePem);
        File.WriteAllText(KeyPath, pair.KeyPem);
        return pair;
    }

    /// <summary>Connections without data, which are opened again when the server closes them.</summary>
    private sealed class IdleConnections : IDisposable
    {
        private readonly CancellationTokenSource _ended = new();
        private readonly Task _open;

        public IdleConnections(Uri address, int count)
        {
            _open = Task.WhenAll(Enumerable.Range(0, count).Select(_ => KeepOpenAsync(address, _ended.Token)));
        }

        public void Dispose()
        {
            _ended.Cancel();
            _open.Wait(Generous);
            _ended.Dispose();
        }

        private static async Task KeepOpenAsync(Uri address, CancellationToken ended)
        {
            while (!ended.IsCancellationRequested)
            {
                using var client = new TcpClient();
                try
                {
                    await client.ConnectAsync(address.Host, address.Port, ended);
                    _ = await client.GetStream().ReadAsync(new byte[1], ended);
                }
                catch (Exception error) when (error is SocketException or IOException or OperationCanceledException)
                {
                    // The server has ended, or the test has.
                }
            }
        }
    }
}
