using System.Globalization;
using System.Net;
using System.Security.Cryptography;
using CertActors.Tests.Support;

namespace CertActors.IntegrationTests;

/// <summary>Which pair a client of Kestrel gets, by the name that it asks for.</summary>
public sealed class NamesTests : IDisposable
{
    private static readonly TimeSpan Generous = TimeSpan.FromSeconds(60);

    private readonly DirectoryInfo _directory = Directory.CreateTempSubdirectory("certactors-test-");

    public void Dispose() => _directory.Delete(recursive: true);

    [Fact]
    public async Task A_client_whose_pair_is_still_in_its_first_load_waits_for_it()
    {
        // To decrypt this key takes many times as long as to load the other pair, and a small part of the 5 s that a client waits.
        Write("a", TestPair.Make("a.test"));
        var slow = Write("b", EncryptedPair("b.test"));
        await using var server = await KestrelServer.StartAsync([Options("a"), Options("b") with { PasswordPath = PathOf("password"), LoadTimeLimit = Generous }]);
        await server.Holder.WaitForFirstAsync(Generous);
        var begun = DateTimeOffset.UtcNow;

        var served = await server.ServedAsync("b.test").WaitAsync(Generous);

        // A machine that is busy enough may take longer for the key than a client waits.
        var loaded = await server.Holder.WaitForAsync("b", Generous);
        Assert.True(served == slow.Sha256 || DateTimeOffset.UtcNow - begun > CertificateHolder.DefaultWait, $"{served} was served, and {loaded} is loaded by now");
    }

    [Fact]
    public async Task A_client_is_served_while_the_default_is_missing()
    {
        await using var server = await KestrelServer.StartAsync([Options("missing"), Options("b")]);
        var early = server.ServedAsync("b.test");

        var pair = Write("b", TestPair.Make("b.test"));

        Assert.Equal(pair.Sha256, await early.WaitAsync(Generous));
        Assert.Equal(pair.Sha256, await server.ServedAsync("b.test").WaitAsync(Generous));
    }

    /// <summary>What a client sends as its name, and the alert that it gets (RFC 8446, 6): 109 missing_extension, 112 unrecognized_name.</summary>
    [Theory]
    [InlineData("-tls1_3", "c.test", 112)]
    [InlineData("-tls1_2", "c.test", 112)]
    [InlineData("-tls1_3", null, 109)]
    [InlineData("-tls1_2", null, 109)]
    [InlineData("-tls1_3", "127.0.0.1", 112)]
    [InlineData("-tls1_3", "a.test", null)]
    [InlineData("-tls1_2", "A.Test.", null)]
    [InlineData("-tls1_3", "xn--bcher-kva.test", null)]
    public async Task A_strict_endpoint_refuses_unknown_names_with_an_alert(string version, string? name, int? alert)
    {
        Write("a", new TestLeaf { Names = ["a.test", "xn--bcher-kva.test"] }.Make());
        await using var server = await KestrelServer.StartAsync([Options("a")], isStrict: true);
        await server.Holder.WaitForFirstAsync(Generous);

        string[] sent = name is null ? ["-noservername"] : ["-servername", name];
        var (_, output, errors) = await OpenSsl.ConnectAsync(server.Endpoints[0].Port, version, sent);

        if (alert is { } number)
            Assert.Contains($"SSL alert number {number.ToString(CultureInfo.InvariantCulture)}", errors, StringComparison.Ordinal);
        else
            Assert.Contains("BEGIN CERTIFICATE", output, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("-tls1_3", "c.test")]
    [InlineData("-tls1_2", "c.test")]
    [InlineData("-tls1_3", null)]
    [InlineData("-tls1_2", null)]
    public async Task SslStream_with_strict_names_refuses_unknown_names_without_an_alert(string version, string? name)
    {
        Write("a", TestPair.Make("a.test"));
        await using var server = await KestrelServer.StartAsync([Options("a")]);
        await server.Holder.WaitForFirstAsync(Generous);
        using var listener = EchoServer.Start(server.System, server.Holder.ServerOptionsCallback(new CertificateServerOptions { StrictNames = true }));
        var port = ((IPEndPoint)listener.LocalEndpoint).Port;

        string[] sent = name is null ? ["-noservername"] : ["-servername", name];
        var (exitCode, output, errors) = await OpenSsl.ConnectAsync(port, version, sent);
        Assert.Equal(1, exitCode);
        Assert.DoesNotContain("BEGIN CERTIFICATE", output, StringComparison.Ordinal);
        Assert.DoesNotContain("alert", errors, StringComparison.Ordinal);

        Assert.Contains("BEGIN CERTIFICATE", (await OpenSsl.ConnectAsync(port, version, "-servername", "a.test")).Output, StringComparison.Ordinal);
    }

    private CertificateOptions Options(string name) => new() { Name = name, CertificatePath = PathOf($"{name}.crt"), KeyPath = PathOf($"{name}.key") };

    private TestPair EncryptedPair(string name)
    {
        File.WriteAllText(PathOf("password"), "secret");
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        var encryption = new PbeParameters(PbeEncryptionAlgorithm.Aes256Cbc, HashAlgorithmName.SHA256, iterationCount: 200_000);
        return new TestLeaf { Names = [name] }.Make(key) with { KeyPem = key.ExportEncryptedPkcs8PrivateKeyPem("secret", encryption) };
    }

    private TestPair Write(string name, TestPair pair)
    {
        File.WriteAllText(PathOf($"{name}.crt"), pair.CertificatePem);
        File.WriteAllText(PathOf($"{name}.key"), pair.KeyPem);
        return pair;
    }

    private string PathOf(string file) => Path.Combine(_directory.FullName, file);
}
