using System.Text.Json;
using CertActors.Tests.Support;

namespace CertActors.IntegrationTests;

/// <summary>What the server's check says of a pair.</summary>
public sealed class CheckTests : IDisposable
{
    private readonly DirectoryInfo _root = Directory.CreateTempSubdirectory("certactors-test-");

    public void Dispose() => _root.Delete(recursive: true);

    [Fact]
    public async Task A_good_pair_is_described_and_accepted()
    {
        var issuer = new TestAuthority("issuer", new TestAuthority("root"));
        var leaf = new TestLeaf { Issuer = issuer, Names = ["a.example.org", "*.b.example.org"] }.Make();
        var (cert, key) = Write(leaf with { CertificatePem = leaf.CertificatePem + issuer.CertificatePem });

        using var check = ServerProcess.Start("check", "--cert", cert, "--key", key, "--names", "a.example.org,x.b.example.org");

        Assert.Equal(0, await check.ExitAsync());
        Assert.Equal("accepted", check.Output[0]);
        Assert.Contains("names     a.example.org, *.b.example.org", check.Output);
        Assert.Contains("key       ECDSA P-256", check.Output);
        Assert.Contains($"SHA-256   {leaf.Sha256}", check.Output);
        Assert.Contains(check.Output, line => line.StartsWith("chain     CN=issuer", StringComparison.Ordinal));
        Assert.Contains(check.Output, line => line.StartsWith($"file      {key}", StringComparison.Ordinal) && line.EndsWith("mode 0600", StringComparison.Ordinal));
        Assert.DoesNotContain(check.Output, line => line.StartsWith("warning", StringComparison.Ordinal));
    }

    [Fact]
    public async Task Every_finding_is_told_and_one_that_rejects_ends_it_with_1()
    {
        var (cert, key) = Write(new TestLeaf { RsaBits = 1024, NotAfter = TestTime.Start.AddDays(1), Purposes = ["1.3.6.1.5.5.7.3.2"] }.Make());
        File.SetUnixFileMode(key, UnixFileMode.UserRead | UnixFileMode.OtherRead);

        using var check = ServerProcess.Start("check", "--cert", cert, "--key", key, "--names", "example.org", "--json");

        Assert.Equal(1, await check.ExitAsync());
        using var report = JsonDocument.Parse(string.Join('\n', check.Output));
        string?[] findings = [.. report.RootElement.GetProperty("findings").EnumerateArray().Select(finding => finding.GetProperty("rejects").GetString())];
        Assert.Equal<string?[]>([nameof(RejectionReason.PurposeExcluded), nameof(RejectionReason.TooWeak), null, nameof(RejectionReason.NameLost), null], findings);
        Assert.False(report.RootElement.GetProperty("isAccepted").GetBoolean());
        Assert.Equal("RSA 1024", report.RootElement.GetProperty("key").GetString());
    }

    [Fact]
    public async Task An_encrypted_pair_is_checked_and_served_with_its_password_and_not_without()
    {
        var pair = TestPair.Make();
        var (path, password) = (Path.Combine(_root.FullName, "tls.p12"), Path.Combine(_root.FullName, "password"));
        File.WriteAllBytes(path, pair.ToPkcs12("secret", iterations: 2048));
        File.WriteAllText(password, "secret\n");

        using var without = ServerProcess.Start("check", "--cert", path, "--key", path);
        Assert.Equal(1, await without.ExitAsync());
        Assert.Equal("rejected (PasswordWrong)", without.Output[0]);

        string[] files = ["--cert", path, "--key", path, "--password-file", password];
        using var check = ServerProcess.Start(["check", .. files]);
        Assert.Equal(0, await check.ExitAsync());

        using var server = ServerProcess.Start([.. files, "--port", "0"]);
        await server.ListensAsync();
        await server.SignalAsync("TERM");
        Assert.Equal(0, await server.ExitAsync());
        Assert.DoesNotContain(server.Output, line => line.Contains("secret", StringComparison.Ordinal));
    }

    [Fact]
    public async Task A_name_that_is_none_ends_it_with_2()
    {
        var (cert, key) = Write(TestPair.Make());
        using var check = ServerProcess.Start("check", "--cert", cert, "--key", key, "--names", "no name");
        Assert.Equal(2, await check.ExitAsync());
        Assert.Contains("no host name", Assert.Single(check.Errors), StringComparison.Ordinal);
    }

    private (string Cert, string Key) Write(TestPair pair)
    {
        var (cert, key) = (Path.Combine(_root.FullName, "tls.crt"), Path.Combine(_root.FullName, "tls.key"));
        File.WriteAllText(cert, pair.CertificatePem);
        File.WriteAllText(key, pair.KeyPem);
        File.SetUnixFileMode(key, UnixFileMode.UserRead | UnixFileMode.UserWrite);
        return (cert, key);
    }
}
