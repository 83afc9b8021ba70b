using System.Net.Security;
using System.Text;
using Akka.Actor;
using CertActors.Server;

namespace CertActors.IntegrationTests;

/// <summary>
/// The rotations that operators make, on a real disk, with clients that make handshakes at the same time and one connection that stays open.
/// </summary>
public sealed class RotationTests : IAsyncLifetime
{
    private static readonly TimeSpan Generous = TimeSpan.FromSeconds(30);

    private readonly DirectoryInfo _directory = Directory.CreateTempSubdirectory("certactors-test-");
    private readonly CancellationTokenSource _ended = new();
    private KestrelServer _server = null!;
    private SslStream _keptOpen = null!;
    private Task _clients = Task.CompletedTask;

    private string CertPath => In("tls.crt");

    private string KeyPath => In("tls.key");

    public Task InitializeAsync() => Task.CompletedTask;

    /// <summary>No handshake has failed, and the connection that was opened before the rotations is still open.</summary>
    public async Task DisposeAsync()
    {
        try
        {
            await _ended.CancelAsync();
            await _clients;
            await PingAsync(_keptOpen).WaitAsync(Generous);
        }
        finally
        {
            await _keptOpen.DisposeAsync();
            await _server.DisposeAsync();
            _ended.Dispose();
            _directory.Delete(recursive: true);
        }
    }

    [Fact]
    public async Task Written_in_place()
    {
        await StartAsync(Write(CertPath, KeyPath));
        for (var i = 0; i < 3; i++)
            await ServesAsync(Write(CertPath, KeyPath));
    }

    [Fact]
    public async Task Renamed_over()
    {
        await StartAsync(Write(CertPath, KeyPath));
        for (var i = 0; i < 3; i++)
        {
            var next = Write(In("new.crt"), In("new.key"));
            File.Move(In("new.crt"), CertPath, overwrite: true);
            File.Move(In("new.key"), KeyPath, overwrite: true);
            await ServesAsync(next);
        }
    }

    [Fact]
    public async Task Swapped_by_Kubernetes_five_times_in_a_row()
    {
        var volume = new KubernetesVolume(_directory.FullName);
        var pair = SelfMadePair.Make();
        volume.Write(pair);
        await StartAsync(pair);
        for (var i = 0; i < 5; i++)
        {
            pair = SelfMadePair.Make();
            volume.Write(pair);
            await ServesAsync(pair);
        }
    }

    [Fact]
    public async Task Linked_anew_by_certbot()
    {
        var (live, archive) = (Directory.CreateDirectory(In("live")).FullName, Directory.CreateDirectory(In("archive")).FullName);
        await StartAsync(Renew(1), Path.Combine(live, "fullchain.pem"), Path.Combine(live, "privkey.pem"));
        for (var version = 2; version < 5; version++)
            await ServesAsync(Renew(version));

        SelfMadePair Renew(int version)
        {
            var pair = Write(Path.Combine(archive, $"fullchain{version}.pem"), Path.Combine(archive, $"privkey{version}.pem"));
            foreach (var name in (string[])["fullchain", "privkey"])
            {
                var link = Path.Combine(live, $"{name}.pem");
                File.Delete(link);
                File.CreateSymbolicLink(link, $"../archive/{name}{version}.pem");
            }

            return pair;
        }
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task One_file_three_seconds_before_the_other(bool certificateFirst)
    {
        var first = await StartAsync(Write(CertPath, KeyPath));
        var next = SelfMadePair.Make();
        if (certificateFirst)
            File.WriteAllText(CertPath, next.CertificatePem);
        else
            File.WriteAllText(KeyPath, next.KeyPem);

        // The delay is part of the operator's rotation; the test does not wait for anything.
        await Task.Delay(TimeSpan.FromSeconds(3));
        Assert.Equal(first.Sha256, await _server.ServedAsync());

        if (certificateFirst)
            File.WriteAllText(KeyPath, next.KeyPem);
        else
            File.WriteAllText(CertPath, next.CertificatePem);
        await ServesAsync(next);
    }

    [Fact]
    public async Task Garbage_and_then_good()
    {
        var first = await StartAsync(Write(CertPath, KeyPath));
        File.WriteAllText(CertPath, "garbage");
        File.WriteAllText(KeyPath, "garbage");
        await Wait.UntilAsync(async () => (await StatusAsync()).LastFailure is not null);
        Assert.Equal(first.Sha256, await _server.ServedAsync());

        await ServesAsync(Write(CertPath, KeyPath));
        Assert.Null((await StatusAsync()).LastFailure);
    }

    [Fact]
    public async Task Deleted_and_created_again()
    {
        await StartAsync(Write(CertPath, KeyPath));
        File.Delete(CertPath);
        File.Delete(KeyPath);
        await Wait.UntilAsync(async () => (await StatusAsync()).LastFailure?.Reason == RejectionReason.FileMissing);

        await ServesAsync(Write(CertPath, KeyPath));
        await ServesAsync(Write(CertPath, KeyPath));
    }

    [Fact]
    public async Task The_whole_directory_deleted_and_created_again()
    {
        var inside = Directory.CreateDirectory(In("pair"));
        var (cert, key) = (Path.Combine(inside.FullName, "tls.crt"), Path.Combine(inside.FullName, "tls.key"));
        await StartAsync(Write(cert, key), cert, key);
        inside.Delete(recursive: true);
        await Wait.UntilAsync(async () => (await StatusAsync()).LastFailure?.Reason == RejectionReason.FileMissing);

        inside.Create();
        await ServesAsync(Write(cert, key));
        await ServesAsync(Write(cert, key));
    }

    [Fact]
    public async Task The_whole_directory_swapped_for_another()
    {
        var inside = Directory.CreateDirectory(In("pair"));
        var (cert, key) = (Path.Combine(inside.FullName, "tls.crt"), Path.Combine(inside.FullName, "tls.key"));
        await StartAsync(Write(cert, key), cert, key);

        var other = Directory.CreateDirectory(In("other"));
        var next = Write(Path.Combine(other.FullName, "tls.crt"), Path.Combine(other.FullName, "tls.key"));
        Directory.Move(inside.FullName, In("old"));
        Directory.Move(other.FullName, inside.FullName);
        await ServesAsync(next);
        await ServesAsync(Write(cert, key));
    }

    [Fact]
    public async Task Moved_to_other_paths_by_the_options()
    {
        await StartAsync(Write(CertPath, KeyPath));
        for (var i = 0; i < 3; i++)
        {
            // The options first: the files follow, as with a mount that comes later.
            var inside = In($"pair{i}");
            var (cert, key) = (Path.Combine(inside, "tls.crt"), Path.Combine(inside, "tls.key"));
            var options = new CertificatesOptions { Certificates = [new CertificateOptions { CertificatePath = cert, KeyPath = key }] };
            Assert.Empty((await _server.Supervisor.Ask<UpdateCertificatesResult>(new UpdateCertificates(options), Generous)).Errors);
            await Wait.UntilAsync(async () => (await StatusAsync()).LastFailure?.Message.Contains(inside, StringComparison.Ordinal) == true);

            Directory.CreateDirectory(inside);
            await ServesAsync(Write(cert, key));
            await ServesAsync(Write(cert, key));
        }

        Assert.Equal(7, (await StatusAsync()).LastChange?.Generation);
    }

    private static SelfMadePair Write(string cert, string key)
    {
        var pair = SelfMadePair.Make();
        File.WriteAllText(cert, pair.CertificatePem);
        File.WriteAllText(key, pair.KeyPem);
        return pair;
    }

    private string In(string name) => Path.Combine(_directory.FullName, name);

    private async Task<SelfMadePair> StartAsync(SelfMadePair first, string? cert = null, string? key = null)
    {
        _server = await KestrelServer.StartAsync(new CertificateOptions { CertificatePath = cert ?? CertPath, KeyPath = key ?? KeyPath });
        await _server.Holder.WaitForFirstAsync(Generous);
        Assert.Equal(first.Sha256, await _server.ServedAsync());
        _keptOpen = await _server.ConnectAsync();
        _clients = Task.Run(ShakeHandsAsync);
        return first;
    }

    private async Task ShakeHandsAsync()
    {
        while (!_ended.IsCancellationRequested)
            await _server.ServedAsync();
    }

    private Task ServesAsync(SelfMadePair pair) => Wait.UntilAsync(async () => await _server.ServedAsync() == pair.Sha256);

    private async Task<CertificateStatus> StatusAsync() =>
        Assert.Single((await _server.Supervisor.Ask<CertificateSupervisorStatus>(GetStatus.Instance, Generous)).Certificates);

    private static async Task PingAsync(SslStream connection)
    {
        await connection.WriteAsync("GET / HTTP/1.1\r\nHost: localhost\r\n\r\n"u8.ToArray());
        var answer = new byte[15];
        await connection.ReadExactlyAsync(answer);
        Assert.Equal("HTTP/1.1 200 OK", Encoding.ASCII.GetString(answer));
    }
}
