using System.Net;
using System.Security.Cryptography.X509Certificates;
using System.Text.Json;
using CertActors.Tests.Support;

namespace CertActors.IntegrationTests;

/// <summary>What the server's check says of a pair.</summary>
public sealed class CheckTests : IDisposable
{
    /// <summary>Sets a terminal's title, forges a line, and turns the direction of reading.</summary>
    private const string Nasty = "a\e]0;title\a\nwarning: fake\u202E\u2028\u0085\u007F";

    private readonly DirectoryInfo _root = Directory.CreateTempSubdirectory("certactors-test-");

    public void Dispose() => _root.Delete(recursive: true);

    [Fact]
    public async Task A_good_pair_is_described_and_accepted()
    {
        var issuer = new TestAuthority("issuer", new TestAuthority("root"));
        var leaf = new TestLeaf
        {
            Issuer = issuer,
            Names = ["a.example.org", "*.b.example.org"],
            Addresses = [IPAddress.Parse("192.0.2.1"), IPAddress.IPv6Loopback],
            Uris = ["spiffe://example.org/server"],
            Emails = ["ops@example.org"],
            NotAfter = DateTimeOffset.UtcNow.AddDays(44.5),
        }.Make();
        var (cert, key) = Write(leaf with { CertificatePem = leaf.CertificatePem + issuer.CertificatePem });

        using var check = ServerProcess.Start("check", "--cert", cert, "--key", key, "--names", "a.example.org,x.b.example.org");

        Assert.Equal(0, await check.ExitAsync());
        Assert.Equal("accepted", check.Output[0]);
        Assert.Contains("issuer    CN=issuer", check.Output);
        Assert.Contains("names     a.example.org, *.b.example.org, 192.0.2.1, ::1, email:ops@example.org, URI:spiffe://example.org/server", check.Output);
        Assert.Contains(check.Output, line => line.StartsWith("validity  2026-01-01 00:00:00Z to ", StringComparison.Ordinal) && line.EndsWith(", 44 days left", StringComparison.Ordinal));
        Assert.Contains("key       ECDSA P-256", check.Output);
        Assert.Contains($"SHA-256   {leaf.Sha256}", check.Output);
        Assert.Contains(check.Output, line => line.StartsWith("chain     CN=issuer", StringComparison.Ordinal));
        Assert.Contains("anchor    CN=root, which clients must trust", check.Output);
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
        string?[] findings = [.. report.RootElement.GetProperty("findings").EnumerateArray().Select(finding => finding.GetProperty("reason").GetString())];
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
        Assert.Equal("rejected", without.Output[0]);
        Assert.Contains(without.Output, line => line.StartsWith("rejected (PasswordWrong): ", StringComparison.Ordinal));

        string[] files = ["--cert", path, "--key", path, "--password-file", password];
        using var check = ServerProcess.Start(["check", .. files]);
        Assert.Equal(0, await check.ExitAsync());

        using var server = ServerProcess.Start([.. files, "--port", "0"]);
        await server.ListensAsync();
        await server.SignalAsync("TERM");
        Assert.Equal(0, await server.ExitAsync());
        Assert.DoesNotContain(server.Output, line => line.Contains("secret", StringComparison.Ordinal));
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task What_a_certificate_says_does_not_steer_the_terminal(bool isJson)
    {
        var (cert, key) = Write(NastyLeaf().Make());

        using var check = ServerProcess.Start(["check", "--cert", cert, "--key", key, .. isJson ? (string[])["--json"] : []]);

        Assert.Equal(0, await check.ExitAsync());
        Assert.All(check.Output, line => Assert.DoesNotContain(line, c => c is '\e' or '\a' or '\u202E' or '\u2028' or '\u0085' or '\u007F'));
        Assert.DoesNotContain(check.Output, line => line.StartsWith("warning: fake", StringComparison.Ordinal));
        if (isJson)
        {
            using var report = JsonDocument.Parse(string.Join('\n', check.Output));
            var leaf = report.RootElement.GetProperty("leaf");
            Assert.Contains(Nasty, leaf.GetProperty("subject").GetString(), StringComparison.Ordinal);
            Assert.Equal("\e[2J\n.example.org", leaf.GetProperty("dnsNames")[0].GetString());
            return;
        }

        Assert.Contains(check.Output, line => line.Contains(@"a\u{1B}]0;title\u{7}\u{A}warning: fake\u{202E}\u{2028}\u{85}\u{7F}", StringComparison.Ordinal));
        Assert.Contains(check.Output, line => line.Contains("Jürgen Groß 日本語", StringComparison.Ordinal));
        Assert.Contains(@"names     \u{1B}[2J\u{A}.example.org", check.Output);
    }

    [Fact]
    public async Task Nor_do_the_status_and_the_end_of_a_server()
    {
        var (cert, key) = Write((NastyLeaf() with { Usage = X509KeyUsageFlags.CrlSign }).Make());
        using (var server = ServerProcess.Start("--cert", cert, "--key", key, "--port", "0"))
        {
            var address = await server.ListensAsync();
            Assert.All(await server.Client.GetStringAsync(new Uri(address, "/status")), c => Assert.True(c is '\n' or (>= ' ' and < '\u007F'), $"U+{(int)c:X4}"));
            await server.SignalAsync("TERM");
            Assert.Equal(0, await server.ExitAsync());
            Assert.All(server.Output, line => Assert.DoesNotContain('\e', line));
        }

        var (_, weakKey) = Write((NastyLeaf() with { RsaBits = 1024 }).Make());
        using var failed = ServerProcess.Start("--cert", cert, "--key", weakKey, "--port", "0");
        Assert.Equal(1, await failed.ExitAsync());
        Assert.Contains(@"\u{1B}]0;title\u{7}", Assert.Single(failed.Errors), StringComparison.Ordinal);
        Assert.All([.. failed.Output, .. failed.Errors], line => Assert.DoesNotContain('\e', line));
    }

    [Fact]
    public async Task A_pair_that_must_be_trusted_is_accepted_only_by_a_good_bundle_that_trusts_it()
    {
        var authority = new TestAuthority("authority");
        var (cert, key) = Write(new TestLeaf { Issuer = authority }.Make());
        var (good, other, bad) = (WriteText("good.pem", authority.CertificatePem), WriteText("other.pem", new TestAuthority("other").CertificatePem), WriteText("bad.pem", "?"));

        using var trusted = ServerProcess.Start("check", "--cert", cert, "--key", key, "--trust", other, "--trust", good);
        Assert.Equal(0, await trusted.ExitAsync());
        Assert.Equal("accepted", trusted.Output[0]);
        Assert.Contains(trusted.Output, line => line.StartsWith($"file      {good}", StringComparison.Ordinal));

        using var untrusted = ServerProcess.Start("check", "--cert", cert, "--key", key, "--trust", other);
        Assert.Equal(1, await untrusted.ExitAsync());
        Assert.Equal("rejected", untrusted.Output[0]);
        Assert.Contains(untrusted.Output, line => line.Contains("leads to no certificate of the trust bundle", StringComparison.Ordinal));

        using var broken = ServerProcess.Start("check", "--cert", cert, "--key", key, "--trust", bad);
        Assert.Equal(1, await broken.ExitAsync());
        Assert.Equal("rejected", broken.Output[0]);
        Assert.Contains(broken.Output, line => line.StartsWith("rejected (CertificateMalformed): ", StringComparison.Ordinal) && line.Contains(bad, StringComparison.Ordinal));
    }

    [Fact]
    public async Task A_name_that_is_none_ends_it_with_2()
    {
        var (cert, key) = Write(TestPair.Make());
        using var check = ServerProcess.Start("check", "--cert", cert, "--key", key, "--names", "no name");
        Assert.Equal(2, await check.ExitAsync());
        Assert.Equal(["certactors: --names has 'no name', which is not a host name.", "Try 'certactors check --help'."], check.Errors);
    }

    [Fact]
    public void A_leaf_without_its_intermediate_is_warned_of_by_the_name_of_its_issuer()
    {
        var root = new TestAuthority("root");
        var issuer = new TestAuthority("issuer", root);
        var leaf = new TestLeaf { Issuer = issuer, IssuerAddress = "http://ca.example.org/issuer.cer" };
        var (alone, trusted) = (leaf.Make(), WriteText("trust.pem", issuer.CertificatePem));
        var chained = alone with { CertificatePem = alone.CertificatePem + issuer.CertificatePem };

        var warning = Assert.Single(Check(alone).Findings);
        Assert.Null(warning.Reason);
        Assert.Contains("(CN=issuer)", warning.Message, StringComparison.Ordinal);

        // A root may have issued it; a bundle shows what it is.
        Assert.Empty(Check((leaf with { IssuerAddress = null }).Make()).Findings);
        Assert.Empty(Check(chained).Findings);
        Assert.Empty(Check(alone, new TrustBundleOptions { CertificatePaths = [trusted] }).Findings);

        // By the root, it is found also where the leaf gives no address.
        var withoutAddress = Check((leaf with { IssuerAddress = null }).Make(), new TrustBundleOptions { CertificatePaths = [WriteText("root.pem", root.CertificatePem)] });
        var untrusted = Assert.Single(withoutAddress.Findings);
        Assert.Equal(RejectionReason.NotTrusted, untrusted.Reason);
        Assert.Contains("issued by CN=issuer) is refused: it leads to no certificate of the trust bundle. Add the authority to the bundle, or append missing intermediates.", untrusted.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task The_help_says_how_a_missing_intermediate_of_a_private_authority_is_found()
    {
        using var help = ServerProcess.Start("check", "--help");
        Assert.Equal(0, await help.ExitAsync());
        Assert.Contains("--trust root.pem", string.Join(' ', help.Output.Select(line => line.Trim())), StringComparison.Ordinal);
    }

    [Fact]
    public void A_pair_must_stay_valid_for_the_time_that_is_asked_for()
    {
        var (root, now) = (new TestAuthority("root"), DateTimeOffset.UtcNow);
        var leaf = new TestLeaf { Issuer = root, NotAfter = now.AddDays(20) }.Make();
        Assert.Null(Check(leaf, minRemaining: TimeSpan.FromDays(19)).Reason);
        Assert.Equal(RejectionReason.ExpiresTooSoon, Check(leaf, minRemaining: TimeSpan.FromDays(21)).Reason);

        var issuer = new TestAuthority("issuer", root, notAfter: now.AddDays(10));
        var chained = new TestLeaf { Issuer = issuer, NotAfter = now.AddDays(20) }.Make();
        chained = chained with { CertificatePem = chained.CertificatePem + issuer.CertificatePem };
        var finding = Assert.Single(Check(chained, minRemaining: TimeSpan.FromDays(19)).Findings);
        Assert.Contains("an intermediate (CN=issuer) that expires at", finding.Message, StringComparison.Ordinal);

        // One finding of it, and not one for each rule that concerns it.
        var expired = new TestLeaf { Issuer = root, NotAfter = now.AddDays(-0.5) }.Make();
        Assert.Equal(RejectionReason.Expired, Assert.Single(Check(expired, minRemaining: TimeSpan.FromDays(1)).Findings).Reason);
        Assert.Equal((null, -1), (Check(expired).Reason, Check(expired).DaysLeft));
    }

    [Fact]
    public void A_file_of_the_pair_and_of_the_bundle_is_reported_once()
    {
        var (cert, key) = Write(TestPair.Make());
        var report = CertificateCheck.Run(
            new CertificateOptions { CertificatePath = cert, KeyPath = key },
            DateTimeOffset.UtcNow,
            new TrustBundleOptions { CertificatePaths = [cert], AllowNonAuthorities = true });

        Assert.Null(report.Reason);
        Assert.Equal([cert, key], report.Files.Select(file => file.Path));
    }

    [Fact]
    public async Task The_key_may_be_in_the_file_of_the_certificate()
    {
        var pair = TestPair.Make();
        var (both, alone) = (WriteText("both.pem", pair.CertificatePem + pair.KeyPem), WriteText("alone.pem", pair.CertificatePem));
        File.SetUnixFileMode(both, UnixFileMode.UserRead);

        using var check = ServerProcess.Start("check", "--cert", both);
        Assert.Equal(0, await check.ExitAsync());
        Assert.Single(check.Output, line => line.StartsWith("file ", StringComparison.Ordinal));

        using var server = ServerProcess.Start("--cert", both, "--port", "0");
        await server.ListensAsync();
        await server.SignalAsync("TERM");
        Assert.Equal(0, await server.ExitAsync());

        using var without = ServerProcess.Start("check", "--cert", alone);
        Assert.Equal(1, await without.ExitAsync());
        Assert.Contains(without.Output, line => line.StartsWith("rejected (KeyMalformed): ", StringComparison.Ordinal));
    }

    [Fact]
    public async Task A_leaf_without_alternative_names_is_rejected_when_it_is_strict()
    {
        var (cert, key) = Write(new TestLeaf { Names = [], Subject = new X500DistinguishedName("CN=www.example.org") }.Make());
        using var check = ServerProcess.Start("check", "--cert", cert, "--key", key, "--strict");

        Assert.Equal(1, await check.ExitAsync());
        var warning = Assert.Single(check.Output, line => line.StartsWith("warning: ", StringComparison.Ordinal));
        Assert.EndsWith("no subject alternative name, and clients match no server by its common name; issue it with the server's DNS names or addresses.", warning, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task A_warning_rejects_when_it_is_strict(bool isJson)
    {
        var (cert, key) = Write(TestPair.Make());
        string[] arguments = ["check", "--cert", cert, "--key", key, "--strict", .. isJson ? (string[])["--json"] : []];
        using var good = ServerProcess.Start(arguments);
        Assert.Equal(0, await good.ExitAsync());

        File.SetUnixFileMode(key, UnixFileMode.UserRead | UnixFileMode.OtherRead);
        using var check = ServerProcess.Start(arguments);
        Assert.Equal(1, await check.ExitAsync());
        if (isJson)
        {
            using var report = JsonDocument.Parse(string.Join('\n', check.Output));
            Assert.False(report.RootElement.GetProperty("isAccepted").GetBoolean());
            return;
        }

        Assert.Equal("rejected, as --strict allows no warnings", check.Output[0]);
        Assert.Single(check.Output, line => line.StartsWith("warning: ", StringComparison.Ordinal));
    }

    [Theory]
    [InlineData("", true)]
    [InlineData("NO_COLOR= ", true)]
    [InlineData("NO_COLOR=1 ", false)]
    [InlineData("TERM=dumb ", false)]
    public async Task A_terminal_gets_colours_and_a_pipe_none(string environment, bool isColored)
    {
        var (cert, key) = Write(TestPair.Make());
        var arguments = (string[])["check", "--cert", cert, "--key", key];

        // script(1) runs a command on a terminal of its own.
        using var terminal = ServerProcess.StartBy($"export TERM=xterm; {environment}exec script -qec \"$*\" /dev/null", arguments);
        Assert.Equal(0, await terminal.ExitAsync());
        Assert.Equal(isColored ? "\e[32maccepted\e[0m" : "accepted", terminal.Output[0].TrimEnd('\r'));

        using var pipe = ServerProcess.StartBy("export TERM=xterm; exec \"$@\"", arguments);
        Assert.Equal(0, await pipe.ExitAsync());
        Assert.Equal("accepted", pipe.Output[0]);
    }

    private CertificateReport Check(TestPair pair, TrustBundleOptions? trust = null, TimeSpan? minRemaining = null)
    {
        var (cert, key) = Write(pair);
        return CertificateCheck.Run(new CertificateOptions { CertificatePath = cert, KeyPath = key }, DateTimeOffset.UtcNow, trust, minRemaining);
    }

    private static TestLeaf NastyLeaf()
    {
        var subject = new X500DistinguishedNameBuilder();
        subject.AddCommonName(Nasty);
        subject.AddOrganizationName("Jürgen Groß 日本語");
        return new TestLeaf { Subject = subject.Build(), Names = [], RawNames = ["\e[2J\n.example.org"] };
    }

    private string WriteText(string name, string text)
    {
        var path = Path.Combine(_root.FullName, name);
        File.WriteAllText(path, text);
        return path;
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
