using System.Net;
using System.Text.Json;
using CertActors.Server;

namespace CertActors.IntegrationTests;

/// <summary>The server's interface: command line, pages, signals, exit codes.</summary>
public sealed class ServerTests : IDisposable
{
    private readonly DirectoryInfo _directory = Directory.CreateTempSubdirectory("certactors-test-");

    private string CertPath => Path.Combine(_directory.FullName, "tls.crt");

    private string KeyPath => Path.Combine(_directory.FullName, "tls.key");

    public static TheoryData<string[]> WrongOptions =>
    [
        ["--bogus"], ["--port"], ["--port", "70000"], ["--port", "x"], ["--cert"], ["--key", "a"], ["--cert", "", "--key", "b"], ["--cert", "a", "--key", " "],
        ["--cert", "a", "--key", "b", "--every", "1s"], ["--cert", "a", "--key", "b", "--rotations", "1"], ["--address", "127.0.0.1"],
        ["--cert", "a", "--key", "b", "--address", "x"], ["--every", "1x"], ["--every", "1ms"], ["--every", "NaNs"], ["--rotations", "0"], ["--max-connections", "0"], ["extra"],
        ["--config"], ["--wait", "5s"], ["--cert", "a", "--wait", "0s"], ["--client-ca", "a"], ["--cert", "a", "--client-ca", " "], ["--cert", "a", "--client-ca", "b", "--client-bundle", "c"],
        ["--client-bundle", "a"], ["--client-certificates", "allow"], ["--cert", "a", "--client-certificates", "allow"], ["--cert", "a", "--client-ca", "b", "--client-certificates", "none"], ["--monitoring-from", "10.0.0.0/8"], ["--cert", "a", "--monitoring-from", "10.0.0.0/33"], ["--password-file", "p"], ["check"], ["check", "--key", "a"], ["check", "--cert", "a", "--key", "b", "--port", "1"],
        ["check", "--cert", "a", "--min-remaining", "14"], ["check", "--cert", "a", "--min-remaining", "0s"], ["check", "--cert", "a", "--names", "a,b c"],
    ];

    public void Dispose() => _directory.Delete(recursive: true);

    [Fact]
    public async Task The_demonstration_ends_with_0_after_its_rotations()
    {
        using var server = ServerProcess.Start("--rotations", "3", "--every", "1s", "--port", "0");

        var exitCode = await server.ExitAsync();

        Assert.Equal(ExitCodeOfDemonstration(server), exitCode);
        Assert.Contains("rotations    3", server.Output);
        Assert.Contains("failures     0", server.Output);
        Assert.Contains(server.Output, line => line.StartsWith("generation ", StringComparison.Ordinal));
        Assert.Empty(server.Errors);
    }

    [Fact]
    public async Task The_demonstration_sums_up_when_it_is_interrupted()
    {
        using var server = ServerProcess.Start("--every", "1s", "--port", "0");
        await server.ListensAsync();
        await Wait.UntilAsync(() => Task.FromResult(server.Output.Any(line => line.StartsWith("generation    2", StringComparison.Ordinal))));

        await server.SignalAsync("INT");

        var exitCode = await server.ExitAsync();
        Assert.Equal(ExitCodeOfDemonstration(server), exitCode);
        Assert.Contains("failures     0", server.Output);
        Assert.DoesNotContain(server.Output, line => line.StartsWith("unseen", StringComparison.Ordinal));
    }

    [Fact]
    public async Task A_named_pair_is_served_over_both_versions_of_HTTP()
    {
        var pair = Write(SelfMadePair.Make());
        using var server = Serve();
        var address = await server.ListensAsync();

        foreach (var version in (Version[])[HttpVersion.Version11, HttpVersion.Version20])
        {
            using var request = new HttpRequestMessage(HttpMethod.Get, address) { Version = version, VersionPolicy = HttpVersionPolicy.RequestVersionExact };
            using var response = await server.Client.SendAsync(request);
            Assert.Equal((HttpStatusCode.OK, version), (response.StatusCode, response.Version));
        }

        await Wait.UntilAsync(async () => (await server.StatusAsync(address)).GetProperty("watchMode").GetString() == "Events");
        var status = await server.StatusAsync(address);
        Assert.Equal(
            [
                "name", "generation", "sha256", "serialNumber", "subject", "issuer", "dnsNames", "ipAddresses", "notBefore", "notAfter", "chain", "watchMode", "watchModeSince",
                "watchModeMessage", "loadStuck", "loadStuckSince", "loads", "lastCheck", "lastChange", "lastFailure", "connections",
            ],
            status.EnumerateObject().Select(property => property.Name));
        Assert.Equal("default", status.GetProperty("name").GetString());
        Assert.Equal(1, status.GetProperty("generation").GetInt64());
        Assert.Equal(pair.Sha256, status.GetProperty("sha256").GetString());
        Assert.Equal("CN=localhost", status.GetProperty("subject").GetString());
        Assert.Equal("localhost", Assert.Single(status.GetProperty("dnsNames").EnumerateArray()).GetString());
        Assert.False(status.GetProperty("loadStuck").GetBoolean());
        Assert.Equal(1, status.GetProperty("loads").GetProperty("changed").GetInt64());
        Assert.EndsWith("Z", status.GetProperty("notAfter").GetString(), StringComparison.Ordinal);
        Assert.Equal("Start", status.GetProperty("lastChange").GetProperty("reason").GetString());
        Assert.Equal(JsonValueKind.Null, status.GetProperty("lastFailure").ValueKind);
    }

    [Fact]
    public async Task A_browser_is_sent_to_the_page_and_a_probe_gets_the_health()
    {
        Write(SelfMadePair.Make());
        using var server = Serve();
        var address = await server.ListensAsync();

        using var request = new HttpRequestMessage(HttpMethod.Get, address) { Headers = { { "Accept", "text/html" } } };
        using var response = await server.Client.SendAsync(request);
        Assert.Equal("/certificates", response.RequestMessage?.RequestUri?.AbsolutePath);
        Assert.Contains("<h1>Certificates</h1>", await response.Content.ReadAsStringAsync(), StringComparison.Ordinal);
        await Wait.UntilAsync(async () => await server.Client.GetStringAsync(new Uri(address, "healthz")) == "Healthy");
    }

    [Fact]
    public async Task A_bad_file_shows_in_the_status_and_a_good_one_ends_that()
    {
        Write(SelfMadePair.Make());
        using var server = Serve();
        var address = await server.ListensAsync();

        File.WriteAllText(CertPath, "garbage");
        await Wait.UntilAsync(async () => (await server.StatusAsync(address)).GetProperty("lastFailure").ValueKind == JsonValueKind.Object);
        var failure = (await server.StatusAsync(address)).GetProperty("lastFailure");
        Assert.Contains(CertPath, failure.GetProperty("message").GetString(), StringComparison.Ordinal);
        await Wait.UntilAsync(async () => (await server.StatusAsync(address)).GetProperty("loads").GetProperty("rejected").GetInt64() > 1);

        var next = Write(SelfMadePair.Make());
        await Wait.UntilAsync(async () => (await server.StatusAsync(address)).GetProperty("sha256").GetString() == next.Sha256);
        Assert.Equal(JsonValueKind.Null, (await server.StatusAsync(address)).GetProperty("lastFailure").ValueKind);

        await server.SignalAsync("TERM");
        Assert.Equal(0, await server.ExitAsync());
        Assert.Equal(2, server.Output.Count(line => line.Contains("[1] ", StringComparison.Ordinal)));
        Assert.Empty(server.Errors);
    }

    [UserNamespaceFact]
    public async Task Without_inotify_it_polls_says_the_remedy_and_rotates()
    {
        Write(SelfMadePair.Make());
        using var server = ServerProcess.StartWithoutInotify("--cert", CertPath, "--key", KeyPath, "--port", "0");
        var address = await server.ListensAsync();
        Assert.Equal("Polling", (await server.StatusAsync(address)).GetProperty("watchMode").GetString());
        await Wait.UntilAsync(() => Task.FromResult(server.Output.Any(line => line.Contains("fs.inotify.max_user_instances", StringComparison.Ordinal))));

        var next = Write(SelfMadePair.Make());
        await Wait.UntilAsync(async () => (await server.StatusAsync(address)).GetProperty("sha256").GetString() == next.Sha256);
        await server.SignalAsync("TERM");
        Assert.Equal(0, await server.ExitAsync());
    }

    [UserNamespaceFact]
    public async Task What_is_mounted_over_the_directory_is_served_at_once()
    {
        Write(SelfMadePair.Make());
        using var elsewhere = new DirectoryPair();
        var go = Path.Combine(elsewhere.Directory, "go");
        using var server = ServerProcess.StartAndMount(
            go, elsewhere.Directory, _directory.FullName, "--cert", CertPath, "--key", KeyPath, "--port", "0");
        var address = await server.ListensAsync();
        await Wait.UntilAsync(async () => (await server.StatusAsync(address)).GetProperty("watchMode").GetString() == "Events");

        File.WriteAllText(go, "");
        await Wait.UntilAsync(async () => (await server.StatusAsync(address)).GetProperty("sha256").GetString() == elsewhere.Pair.Sha256);
        var change = (await server.StatusAsync(address)).GetProperty("lastChange");
        Assert.Equal("FileChange", change.GetProperty("reason").GetString());
        await server.SignalAsync("TERM");
        await server.ExitAsync();
    }

    [Fact]
    public async Task SIGHUP_reloads_now_and_SIGTERM_ends_with_0()
    {
        Write(SelfMadePair.Make());
        using var server = Serve();
        var address = await server.ListensAsync();

        var next = Write(SelfMadePair.Make());
        await server.SignalAsync("HUP");
        await Wait.UntilAsync(async () => (await server.StatusAsync(address)).GetProperty("sha256").GetString() == next.Sha256);

        await server.SignalAsync("TERM");
        Assert.Equal(0, await server.ExitAsync());
        Assert.Empty(server.Errors);
    }

    [Fact]
    public async Task A_pair_that_can_not_be_loaded_ends_it_with_1_and_one_line()
    {
        using var server = Serve();

        Assert.Equal(1, await server.ExitAsync());

        var line = Assert.Single(server.Errors);
        Assert.Contains(CertPath, line, StringComparison.Ordinal);
        Assert.Contains(KeyPath, line, StringComparison.Ordinal);
        Assert.Contains("create it", line, StringComparison.Ordinal);

        // The check reports it in the same words.
        using var check = ServerProcess.Start("check", "--cert", CertPath, "--key", KeyPath);
        Assert.Equal(1, await check.ExitAsync());
        Assert.Contains(line["certactors: ".Length..], check.Output);
        Assert.DoesNotContain(server.Output, output => output.Contains("   at ", StringComparison.Ordinal));
    }

    [Fact]
    public async Task An_address_that_can_not_be_listened_on_ends_it_with_1_and_one_line()
    {
        Write(SelfMadePair.Make());
        using var first = Serve();
        var taken = await first.ListensAsync();

        foreach (var where in (string[][])[["--port", $"{taken.Port}"], ["--address", "192.0.2.1", "--port", "0"]])
        {
            using var second = ServerProcess.Start(["--cert", CertPath, "--key", KeyPath, .. where]);
            Assert.Equal(1, await second.ExitAsync());
            Assert.Single(second.Errors);
        }
    }

    [Theory]
    [MemberData(nameof(WrongOptions))]
    public async Task A_wrong_option_ends_it_with_2_one_line_and_a_hint(string[] options)
    {
        using var server = ServerProcess.Start(options);

        Assert.Equal(2, await server.ExitAsync());

        Assert.Equal(2, server.Errors.Count);
        Assert.StartsWith("certactors: ", server.Errors[0], StringComparison.Ordinal);
        Assert.DoesNotContain("System.", server.Errors[0], StringComparison.Ordinal);
        Assert.Equal(options[0] == "check" ? "Try 'certactors check --help'." : "Try 'certactors --help'.", server.Errors[1]);
        Assert.Empty(server.Output);
    }

    [Theory]
    [InlineData("certactors [command] [options]", "--help", "--cert", "--key", "--config", "--client-ca", "--client-bundle", "--client-certificates", "--wait", "--port", "--address", "--monitoring-from", "--every", "--rotations", "--max-connections", "check")]
    [InlineData("certactors check [options]", "check --help", "--cert", "--key", "--trust", "--names", "--min-remaining", "--strict", "--json")]
    public async Task Help_is_given(string usage, string arguments, params string[] options)
    {
        using var server = ServerProcess.Start(arguments.Split(' '));

        Assert.Equal(0, await server.ExitAsync());

        Assert.Contains(server.Output, line => line.Trim() == usage);
        Assert.All(options, option => Assert.Contains(server.Output, line => line.TrimStart().StartsWith(option, StringComparison.Ordinal)));
    }

    /// <summary>Its exit code also depends on whether 90 % of the intended handshakes were made, which depends on the machine.</summary>
    private static int ExitCodeOfDemonstration(ServerProcess server)
    {
        var words = server.Output.Single(line => line.StartsWith("handshakes   ", StringComparison.Ordinal)).Split(' ', StringSplitOptions.RemoveEmptyEntries);
        return long.Parse(words[1], null) >= 0.9 * long.Parse(words[3], null) ? 0 : 1;
    }

    private ServerProcess Serve() => ServerProcess.Start("--cert", CertPath, "--key", KeyPath, "--port", "0");

    private SelfMadePair Write(SelfMadePair pair)
    {
        File.WriteAllText(CertPath, pair.CertificatePem);
        File.WriteAllText(KeyPath, pair.KeyPem);
        return pair;
    }

    /// <summary>A pair in a temporary directory.</summary>
    private sealed class DirectoryPair : IDisposable
    {
        private readonly DirectoryInfo _directory = System.IO.Directory.CreateTempSubdirectory("certactors-test-");

        public DirectoryPair()
        {
            File.WriteAllText(Path.Combine(Directory, "tls.crt"), Pair.CertificatePem);
            File.WriteAllText(Path.Combine(Directory, "tls.key"), Pair.KeyPem);
        }

        public string Directory => _directory.FullName;

        public SelfMadePair Pair { get; } = SelfMadePair.Make();

        public void Dispose() => _directory.Delete(recursive: true);
    }
}
