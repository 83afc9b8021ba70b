using System.Diagnostics;
using System.Net.Security;
using System.Security.Cryptography.X509Certificates;
using System.Text.Json;
using CertActors.Server;
using CertActors.Tests.Support;

namespace CertActors.IntegrationTests;

/// <summary>What the server serves, by its configuration: its sources, their errors, and their changes.</summary>
public sealed class ServerConfigurationTests : IDisposable
{
    private readonly DirectoryInfo _directory = Directory.CreateTempSubdirectory("certactors-test-");

    public void Dispose() => _directory.Delete(recursive: true);

    [Fact]
    public async Task Pairs_of_every_source_are_served_and_that_of_the_command_line_is_the_default()
    {
        foreach (var name in (string[])["a", "b", "c", "d", "wrong"])
            WritePair(name);
        Write("appsettings.json", new { CertActors = new { Certificates = new { a = Pair("a"), b = Pair("wrong") } }, Logging = new { } });
        Write("more.json", new { CertActors = new { Certificates = new { b = Pair("b") } } });
        using var server = ServerProcess.StartIn(
            _directory.FullName,
            [("CertActors__Certificates__c__CertificatePath", "c.crt"), ("CERTACTORS__CERTIFICATES__C__KEYPATH", "c.key"), ("CERTACTORS_PORT", "tcp://10.0.0.1:443")],
            "--config", "more.json", "--cert", "d.crt", "--key", "d.key", "--port", "0");
        var address = await server.ListensAsync();

        var statuses = await server.StatusesAsync(address);
        Assert.Equal(["a", "b", "c", "default"], statuses.Keys.Order(StringComparer.OrdinalIgnoreCase).Select(name => name.ToLowerInvariant()));
        Assert.All(statuses, pair => Assert.Equal($"CN={(pair.Key == "default" ? "d" : pair.Key.ToLowerInvariant())}", pair.Value.GetProperty("subject").GetString()));
        Assert.Contains("certactors serves default", await server.Client.GetStringAsync(address), StringComparison.Ordinal);
        await server.SignalAsync("TERM");
        Assert.Equal(0, await server.ExitAsync());
        Assert.Empty(server.Errors);
    }

    [Fact]
    public async Task Every_error_of_the_configuration_is_in_one_line()
    {
        Write("appsettings.json", new { CertActors = new { Certificates = new { a = new { CertificatPath = "a.crt", KeyPath = "a.key", DebounceWindow = "5" } }, Trust = 1 } });
        using var server = ServerProcess.StartIn(_directory.FullName, [], "--port", "0");

        Assert.Equal(2, await server.ExitAsync());
        var line = Assert.Single(server.Errors);
        Assert.StartsWith("certactors: ", line, StringComparison.Ordinal);
        Assert.All((string[])["a:CertificatPath is unknown", "a:DebounceWindow is '5'", "CertActors:Trust is unknown", "pair 'a': CertificatePath"], error => Assert.Contains(error, line, StringComparison.Ordinal));
        Assert.Empty(server.Output);
    }

    [Fact]
    public async Task The_example_of_the_README_is_valid_and_the_README_has_every_option()
    {
        var readme = await File.ReadAllTextAsync(Path.Combine(PackedPackages.Repository, "src/CertActors.Server/README.md"));
        File.WriteAllText(PathOf("example.json"), readme.Split("```json")[1].Split("```")[0]);
        using (var server = ServerProcess.StartIn(_directory.FullName, [], "--config", "example.json", "--client-bundle", "callers", "--wait", "1s", "--port", "0"))
        {
            Assert.Equal(1, await server.ExitAsync());
            Assert.All((string[])["www", "api", "archive"], name => Assert.Contains($"Certificate {name} was not loaded", Assert.Single(server.Errors), StringComparison.Ordinal));
        }

        using var help = ServerProcess.Start("--help");
        Assert.Equal(0, await help.ExitAsync());
        string[] options = [.. help.Output.Select(line => line.Trim().Split(' ')[0]).Where(word => word.StartsWith("--", StringComparison.Ordinal) && word != "--version")];
        Assert.Contains("--monitoring-from", options);
        Assert.All(options, option => Assert.Contains($"`{option} ", readme, StringComparison.Ordinal));
    }

    [Theory]
    [InlineData(null, "cannot be read")]
    [InlineData("{", "is not valid")]
    [InlineData("[]", "is not valid")]
    [InlineData("""{ "CertActors": { "Certificates": { "a": { "CertificatePath": "\ud800" } } } }""", "is not valid")]
    [InlineData("""{ "Certificates": { "a": { "CertificatePath": "a.crt" } } }""", "the configuration has no pair")]
    [InlineData("""{ "CertActors": { "Certificates": { } } }""", "the configuration has no pair")]
    public async Task A_file_that_is_no_configuration_ends_it_with_2_and_says_why(string? contents, string expected)
    {
        if (contents is not null)
            File.WriteAllText(PathOf("c.json"), contents);
        using var server = ServerProcess.StartIn(_directory.FullName, [], "--config", "c.json");

        Assert.Equal(2, await server.ExitAsync());
        Assert.StartsWith("certactors: ", server.Errors[0], StringComparison.Ordinal);
        Assert.Contains(expected, server.Errors[0], StringComparison.Ordinal);
        Assert.Empty(server.Output);
    }

    [Fact]
    public async Task Pairs_are_added_moved_and_removed_while_it_runs_and_a_damaged_file_changes_nothing()
    {
        foreach (var name in (string[])["a", "b", "c"])
            WritePair(name);
        Write("appsettings.json", new { CertActors = new { Certificates = new { a = Pair("a") } } });
        using var server = ServerProcess.StartIn(_directory.FullName, [], "--cert", "c.crt", "--key", "c.key", "--port", "0");
        var address = await server.ListensAsync();

        Write("appsettings.json", new { CertActors = new { Certificates = new { a = Pair("a"), b = Pair("b") } } });
        await UntilAsync(pairs => pairs.ContainsKey("b") && SubjectOf(pairs["b"]) == "CN=b");

        Directory.CreateDirectory(PathOf("moved"));
        var moved = WritePair("moved/a");
        Write("appsettings.json", new { CertActors = new { Certificates = new { a = Pair("moved/a"), b = Pair("b") } } });
        await UntilAsync(pairs => pairs["a"].GetProperty("sha256").GetString() == moved.Sha256);

        // With the pair of the command line, the rest of the configuration is a valid one.
        File.Delete(PathOf("appsettings.json"));
        await Wait.UntilAsync(() => server.Output.Any(line => line.Contains("cannot be read", StringComparison.Ordinal)));
        Replace("appsettings.json", "{");
        await Wait.UntilAsync(() => server.Output.Any(line => line.Contains("is not valid", StringComparison.Ordinal)));
        Replace("appsettings.json", """{ "CertActors": "\ud800" }""");
        await server.SignalAsync("HUP");
        await Wait.UntilAsync(() => server.Output.Count(line => line.Contains("is not valid", StringComparison.Ordinal)) == 2);
        Write("appsettings.json", new { CertActors = new { Certificates = new { a = Pair("moved/a") }, Trust = 1 } });
        await Wait.UntilAsync(() => server.Output.Any(line => line.Contains("[202] ", StringComparison.Ordinal)));
        Assert.Equal(3, (await server.StatusesAsync(address)).Count);

        // SIGHUP reads the files at once.
        Write("appsettings.json", new { CertActors = new { Certificates = new { a = Pair("moved/a") } } });
        await server.SignalAsync("HUP");
        await UntilAsync(pairs => pairs.Count == 2 && !pairs.ContainsKey("b"));

        await server.SignalAsync("TERM");
        Assert.Equal(0, await server.ExitAsync());
        Assert.Equal(1, server.Output.Count(line => line.Contains("cannot be read", StringComparison.Ordinal)));

        Task UntilAsync(Func<Dictionary<string, JsonElement>, bool> condition) => Wait.UntilAsync(async () => condition(await server.StatusesAsync(address)));

        static string? SubjectOf(JsonElement pair) => pair.GetProperty("subject").GetString();
    }

    [Fact]
    public async Task A_reload_has_ended_only_when_the_configuration_is_applied_with_what_it_removes()
    {
        foreach (var name in (string[])["a", "b"])
            WritePair(name);
        Write("c.json", new { CertActors = new { Certificates = new { a = Pair("a"), b = Pair("b") } } });
        using var manager = new NotifySocket(PathOf("notify"));
        using var server = ServerProcess.StartIn(_directory.FullName, [("NOTIFY_SOCKET", manager.Address)], "--config", "c.json", "--port", "0");
        var address = await server.ListensAsync();
        Assert.StartsWith("READY=1", await manager.ReceiveAsync(), StringComparison.Ordinal);

        Write("c.json", new { CertActors = new { Certificates = new { a = Pair("a") } } });
        await server.SignalAsync("HUP");
        Assert.StartsWith("RELOADING=1", await manager.ReceiveAsync(), StringComparison.Ordinal);
        Assert.StartsWith("READY=1", await manager.ReceiveAsync(), StringComparison.Ordinal);

        Assert.Equal("a", Assert.Single((await server.StatusesAsync(address)).Keys));
        await server.SignalAsync("TERM");
        Assert.Equal(0, await server.ExitAsync());
    }

    [Fact]
    public async Task A_change_of_two_files_is_applied_only_when_both_are_valid()
    {
        foreach (var name in (string[])["a", "b", "c"])
            WritePair(name);
        object both = new { CertActors = new { Certificates = new { a = Pair("a"), b = Pair("b") } } };
        object one = new { CertActors = new { Certificates = new { a = Pair("a") } } };
        Write("appsettings.json", both);
        Write("more.json", new { });
        using var server = ServerProcess.StartIn(_directory.FullName, [], "--config", "more.json", "--port", "0");
        var address = await server.ListensAsync();

        // The pair b moves to the second file, which is damaged at first.
        Replace("more.json", "{");
        Write("appsettings.json", one);
        await Wait.UntilAsync(() => server.Output.Any(line => line.Contains("'more.json' is not valid", StringComparison.Ordinal)));
        await server.SignalAsync("HUP");
        Write("more.json", new { CertActors = new { Certificates = new { b = Pair("b"), c = Pair("c") } } });
        await Wait.UntilAsync(() => server.Output.Any(line => line.Contains("[201] ", StringComparison.Ordinal) && line.Contains("added c", StringComparison.Ordinal)));

        Assert.Equal(["a", "b", "c"], (await server.StatusesAsync(address)).Keys.Order(StringComparer.Ordinal));
        Assert.Single(server.Output, line => line.Contains("[201] ", StringComparison.Ordinal));
    }

    [Fact]
    public async Task A_file_that_can_not_be_read_in_time_ends_the_start_with_2()
    {
        await MakeFifoAsync("hangs.json");
        using var server = ServerProcess.StartIn(_directory.FullName, [], "--config", "hangs.json", "--port", "0");

        Assert.Equal(2, await server.ExitAsync());
        Assert.StartsWith("certactors: the configuration file 'hangs.json' cannot be read: ", Assert.Single(server.Errors), StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_signal_ends_the_start_while_a_file_can_not_be_read()
    {
        await MakeFifoAsync("hangs.json");
        using var server = ServerProcess.StartIn(_directory.FullName, [], "--config", "hangs.json", "--port", "0");
        await server.HandlesSignalsAsync();

        await server.SignalAsync("TERM");
        Assert.Equal(0, await server.ExitAsync());
        Assert.Empty(server.Errors);
    }

    [Fact]
    public async Task A_file_that_can_not_be_read_in_time_while_it_runs_is_reported_once_and_read_when_it_can_be()
    {
        foreach (var name in (string[])["a", "b"])
            WritePair(name);
        Write("c.json", new { CertActors = new { Certificates = new { a = Pair("a") } } });
        using var manager = new NotifySocket(PathOf("notify"));
        using var server = ServerProcess.StartIn(_directory.FullName, [("NOTIFY_SOCKET", manager.Address)], "--config", "c.json", "--port", "0");
        var address = await server.ListensAsync();
        Assert.StartsWith("READY=1", await manager.ReceiveAsync(), StringComparison.Ordinal);

        await MakeFifoAsync("hangs.json");
        File.Move(PathOf("hangs.json"), PathOf("c.json"), overwrite: true);
        await Wait.UntilAsync(() => server.Output.Any(line => line.Contains("'c.json' cannot be read", StringComparison.Ordinal)));

        // The pairs are loaded all the same.
        await server.SignalAsync("HUP");
        Assert.StartsWith("RELOADING=1", await manager.ReceiveAsync(), StringComparison.Ordinal);
        Assert.StartsWith("READY=1", await manager.ReceiveAsync(), StringComparison.Ordinal);

        // A writer ends the read.
        File.Move(PathOf("c.json"), PathOf("hangs.json"));
        Write("c.json", new { CertActors = new { Certificates = new { a = Pair("a"), b = Pair("b") } } });
        await File.WriteAllTextAsync(PathOf("hangs.json"), "{");
        await Wait.UntilAsync(async () => (await server.StatusesAsync(address)).ContainsKey("b"));
        await server.SignalAsync("TERM");
        Assert.Equal(0, await server.ExitAsync());
        Assert.Single(server.Output, line => line.Contains("configuration file", StringComparison.Ordinal));
    }

    [Fact]
    public async Task An_appsettings_json_that_leads_nowhere_ends_it_with_2()
    {
        WritePair("a");
        File.CreateSymbolicLink(PathOf("appsettings.json"), PathOf("unmounted/appsettings.json"));
        using var server = ServerProcess.StartIn(_directory.FullName, [], "--cert", "a.crt", "--key", "a.key", "--port", "0");

        Assert.Equal(2, await server.ExitAsync());
        Assert.StartsWith("certactors: the configuration file 'appsettings.json' cannot be read", Assert.Single(server.Errors), StringComparison.Ordinal);
    }

    [Fact]
    public async Task An_appsettings_json_that_appears_while_it_runs_is_read_and_its_default_does_not_replace_that_of_the_command_line()
    {
        WritePair("a");
        WritePair("b");
        using var server = ServerProcess.StartIn(_directory.FullName, [], "--cert", "a.crt", "--key", "a.key", "--port", "0");
        var address = await server.ListensAsync();

        Write("appsettings.json", new { CertActors = new { Certificates = new { b = new { CertificatePath = "b.crt", KeyPath = "b.key", IsDefault = true } } } });
        await Wait.UntilAsync(async () => (await server.StatusesAsync(address)).ContainsKey("b"));
        Assert.Contains("certactors serves default", await server.Client.GetStringAsync(address), StringComparison.Ordinal);

        File.Delete(PathOf("appsettings.json"));
        await Wait.UntilAsync(() => server.Output.Any(line => line.Contains("'appsettings.json' cannot be read", StringComparison.Ordinal)));
        Assert.Equal(2, (await server.StatusesAsync(address)).Count);
    }

    [Fact]
    public async Task It_waits_for_files_that_are_not_there_yet()
    {
        // The option counts, not the key.
        Write("appsettings.json", new { CertActors = new { StopOnFailedFirstLoad = true } });
        using var server = ServerProcess.StartIn(_directory.FullName, [], "--cert", "a.crt", "--key", "a.key", "--client-ca", "ca.pem", "--wait", "1h", "--port", "0");
        await Wait.UntilAsync(() => server.Output.Count(line => line.Contains("FileMissing", StringComparison.Ordinal)) == 2);

        WritePair("a");
        File.WriteAllText(PathOf("ca.pem"), Authority("authority").CertificatePem);
        await server.ListensAsync();
        await server.SignalAsync("TERM");
        Assert.Equal(0, await server.ExitAsync());
        Assert.Empty(server.Errors);
    }

    [Fact]
    public async Task A_wait_in_vain_ends_it_with_1_and_names_what_is_missing()
    {
        WritePair("a");
        using var server = ServerProcess.StartIn(_directory.FullName, [], "--cert", "a.crt", "--key", "a.key", "--client-ca", "ca.pem", "--wait", "1s", "--port", "0");

        Assert.Equal(1, await server.ExitAsync());
        Assert.Contains("Trust bundle clients was not loaded", Assert.Single(server.Errors), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("TERM")]
    [InlineData("INT")]
    public async Task A_signal_ends_the_wait_with_0(string signal)
    {
        using var server = ServerProcess.StartIn(_directory.FullName, [], "--cert", "a.crt", "--key", "a.key", "--wait", "1d", "--port", "0");
        await Wait.UntilAsync(() => server.Output.Any(line => line.Contains("FileMissing", StringComparison.Ordinal)));

        await server.SignalAsync(signal);
        Assert.Equal(0, await server.ExitAsync());
        Assert.Empty(server.Errors);
    }

    [Fact]
    public async Task Without_a_wait_authorities_that_can_not_be_loaded_end_it_with_1_and_one_line()
    {
        WritePair("a");
        using var server = ServerProcess.StartIn(_directory.FullName, [], "--cert", "a.crt", "--key", "a.key", "--client-ca", "ca.pem", "--port", "0");

        Assert.Equal(1, await server.ExitAsync());
        Assert.StartsWith($"certactors: rejected (FileMissing): {PathOf("ca.pem")}", Assert.Single(server.Errors), StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_pair_that_is_missing_ends_it_with_1_and_one_line_on_a_busy_machine_too()
    {
        // The supervisor stops itself, and the application with it, while the start still waits.
        ServerProcess[] servers = [.. Enumerable.Range(0, 6).Select(_ => ServerProcess.StartIn(_directory.FullName, [], "--cert", "a.crt", "--key", "a.key", "--port", "0"))];
        try
        {
            foreach (var server in servers)
            {
                Assert.Equal(1, await server.ExitAsync());
                Assert.Contains(PathOf("a.crt"), Assert.Single(server.Errors), StringComparison.Ordinal);
            }
        }
        finally
        {
            Array.ForEach(servers, server => server.Dispose());
        }
    }

    [Fact]
    public async Task Of_several_pairs_each_that_is_missing_is_named()
    {
        WritePair("a");
        Write("appsettings.json", new { CertActors = new { Certificates = new { a = Pair("a"), b = Pair("b"), c = Pair("c") } } });
        using var server = ServerProcess.StartIn(_directory.FullName, [], "--wait", "1s", "--port", "0");

        Assert.Equal(1, await server.ExitAsync());
        var line = Assert.Single(server.Errors);
        Assert.Contains("Certificate b was not loaded", line, StringComparison.Ordinal);
        Assert.Contains("Certificate c was not loaded", line, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(true, "require")]
    [InlineData(false, null)]
    [InlineData(false, "allow")]
    public async Task Clients_need_a_certificate_of_the_authorities_or_none_where_it_is_allowed(bool byConfiguration, string? mode)
    {
        var (trusted, alsoTrusted, other) = (Authority("trusted"), Authority("also trusted"), Authority("other"));
        File.WriteAllText(PathOf("ca.pem"), trusted.CertificatePem);
        File.WriteAllText(PathOf("more.pem"), alsoTrusted.CertificatePem);
        WritePair("a");
        string[] options = ["--client-ca", "ca.pem", "--client-ca", "more.pem"];
        if (byConfiguration)
        {
            Write("appsettings.json", new { CertActors = new { TrustBundles = new { callers = new { CertificatePaths = (string[])["ca.pem", "more.pem"] } } } });
            options = ["--client-bundle", "callers"];
        }

        if (mode is not null)
            options = [.. options, "--client-certificates", mode];
        using var server = ServerProcess.StartIn(_directory.FullName, [], ["--cert", "a.crt", "--key", "a.key", "--port", "0", .. options]);
        var address = await server.ListensAsync();

        Assert.Equal("Healthy", await GetAsync(trusted));
        Assert.Equal("Healthy", await GetAsync(alsoTrusted));
        await Assert.ThrowsAsync<HttpRequestException>(() => GetAsync(other));
        if (mode == "allow")
            Assert.Equal("Healthy", await GetAsync(null));
        else
            await Assert.ThrowsAsync<HttpRequestException>(() => GetAsync(null));
        await server.SignalAsync("TERM");
        Assert.Equal(0, await server.ExitAsync());

        async Task<string> GetAsync(TestAuthority? issuer)
        {
            using var handler = new SocketsHttpHandler();
            handler.SslOptions.RemoteCertificateValidationCallback = (_, certificate, _, _) => certificate is not null;
            if (issuer is not null)
                handler.SslOptions.ClientCertificateContext = ClientOf(issuer);
            using var client = new HttpClient(handler);
            return await client.GetStringAsync(new Uri(address, "healthz"));
        }
    }

    [Fact]
    public async Task The_bundle_that_clients_need_must_exist_and_is_not_removed_by_a_change()
    {
        WritePair("a");
        File.WriteAllText(PathOf("ca.pem"), Authority("trusted").CertificatePem);
        object with = new { CertActors = new { Certificates = new { a = Pair("a") }, TrustBundles = new { callers = new { CertificatePaths = (string[])["ca.pem"] } } } };
        object without = new { CertActors = new { Certificates = new { a = Pair("a") } } };
        Write("appsettings.json", without);
        string[] options = ["--client-bundle", "callers", "--port", "0"];
        using (var refused = ServerProcess.StartIn(_directory.FullName, [], options))
        {
            Assert.Equal(2, await refused.ExitAsync());
            Assert.Contains("--client-bundle is 'callers'", Assert.Single(refused.Errors), StringComparison.Ordinal);
        }

        Write("appsettings.json", with);
        using var server = ServerProcess.StartIn(_directory.FullName, [], options);
        await server.ListensAsync();
        Write("appsettings.json", without);
        await server.SignalAsync("HUP");
        await Wait.UntilAsync(() => server.Output.Any(line => line.Contains("[202] ", StringComparison.Ordinal)));
        await server.SignalAsync("TERM");
        Assert.Equal(0, await server.ExitAsync());
    }

    private static TestAuthority Authority(string name) => new(name, notBefore: DateTimeOffset.UtcNow.AddDays(-1), notAfter: DateTimeOffset.UtcNow.AddDays(9));

    private static SslStreamCertificateContext ClientOf(TestAuthority issuer)
    {
        var pair = new TestLeaf
        {
            Issuer = issuer,
            Subject = new X500DistinguishedName("CN=client"),
            NotBefore = DateTimeOffset.UtcNow.AddHours(-1),
            NotAfter = DateTimeOffset.UtcNow.AddDays(1),
        }.Make();
        return SslStreamCertificateContext.Create(X509Certificate2.CreateFromPem(pair.CertificatePem, pair.KeyPem), [], offline: true);
    }

    private static object Pair(string name) => new { CertificatePath = $"{name}.crt", KeyPath = $"{name}.key" };

    private async Task MakeFifoAsync(string name)
    {
        using var make = Process.Start("mkfifo", [PathOf(name)]);
        await make.WaitForExitAsync();
        Assert.Equal(0, make.ExitCode);
    }

    private string PathOf(string name) => Path.Combine(_directory.FullName, name);

    private void Write(string name, object configuration) => Replace(name, JsonSerializer.Serialize(configuration));

    // By a rename, so that a poll in the midst of the write finds no file that is damaged.
    private void Replace(string name, string contents)
    {
        File.WriteAllText(PathOf(name + ".new"), contents);
        File.Move(PathOf(name + ".new"), PathOf(name), overwrite: true);
    }

    private SelfMadePair WritePair(string name)
    {
        var pair = SelfMadePair.Make(Path.GetFileName(name));
        File.WriteAllText(PathOf(name + ".crt"), pair.CertificatePem);
        File.WriteAllText(PathOf(name + ".key"), pair.KeyPem);
        return pair;
    }
}
