using System.Runtime.CompilerServices;
using Akka.Actor;
using Akka.Configuration;
using CertActors.Configuration;

namespace CertActors.Tests;

/// <summary>The options that the configuration of an actor system has.</summary>
public sealed class HoconSpec
{
    private const string Minimal =
        """
        certactors.certificates {
          api { certificate-path = /etc/tls/api.crt, key-path = /etc/tls/api.key }
        }
        """;

    [Fact]
    public void Pairs_and_bundles_have_their_names_as_keys()
    {
        var options = Read(
            """
            certactors {
              stop-on-failed-first-load = on
              certificates {
                api {
                  certificate-path = /etc/tls/api.crt
                  key-path = /etc/tls/api.key
                  purpose = "ServerAuthentication, ClientAuthentication"
                  server-names = [a.example, "*.b.example"]
                  must-chain-to = clients
                  allowed-expiry-setback = 2d
                  expiry-thresholds = [14d]
                  debounce-window = 500ms
                  load-time-limit = "00:00:10"
                }
                "other.name" { certificate-path = /o.crt, key-path = /o.key, is-default = on }
              }
              trust-bundles.clients.certificate-paths = [/etc/tls/ca.pem]
            }
            """);

        Assert.True(options.StopOnFailedFirstLoad);
        Assert.Equal(["api", "other.name"], options.Certificates.Select(pair => pair.Name));
        Assert.Equal(
            new CertificateOptions
            {
                Name = "api",
                CertificatePath = "/etc/tls/api.crt",
                KeyPath = "/etc/tls/api.key",
                Purpose = CertificatePurpose.ServerAuthentication | CertificatePurpose.ClientAuthentication,
                ServerNames = ["a.example", "*.b.example"],
                MustChainTo = "clients",
                AllowedExpirySetback = TimeSpan.FromDays(2),
                ExpiryThresholds = [TimeSpan.FromDays(14)],
                DebounceWindow = TimeSpan.FromMilliseconds(500),
                LoadTimeLimit = TimeSpan.FromSeconds(10),
            },
            options.Certificates[0]);
        Assert.Equal(["/etc/tls/ca.pem"], Assert.Single(options.TrustBundles).CertificatePaths);
        Assert.Equal("clients", options.TrustBundles[0].Name);
    }

    [Fact]
    public void The_example_of_the_readme_has_a_pair_that_must_chain_to_one_of_its_bundles()
    {
        var readme = File.ReadAllText(Path.Combine(Here(), "../../README.md"));

        var options = Read(readme.Split("\"\"\"").Single(text => text.TrimStart().StartsWith("certactors {", StringComparison.Ordinal)));

        Assert.Equal("company", Assert.Single(options.Certificates).MustChainTo);
        Assert.Equal(["company", "clients"], options.TrustBundles.Select(bundle => bundle.Name));
        Assert.Single(options.TrustBundles[1].RevocationListPaths);
    }

    [Fact]
    public void Pairs_may_be_a_list() =>
        Assert.Equal(
            ["default", "b"],
            Read("""certactors.certificates = [{ certificate-path = /a.crt, key-path = /a.key }, { name = b, certificate-path = /b.crt, key-path = /b.key }]""")
                .Certificates.Select(pair => pair.Name));

    [Fact]
    public void The_defaults_of_the_configuration_are_those_of_each_pair_that_does_not_set_them()
    {
        var options = Read(
            """
            certactors {
              certificate-defaults { debounce-window = 300ms, max-debounce = 3s, required-names = [a.example] }
              trust-bundle-defaults.allow-stale-revocation-lists = on
              certificates {
                one { certificate-path = /a.crt, key-path = /a.key }
                two { certificate-path = /b.crt, key-path = /b.key, max-debounce = 2s, required-names = [] }
              }
              trust-bundles.clients.certificate-paths = [/ca.pem]
            }
            """);

        Assert.All(options.Certificates, pair => Assert.Equal(TimeSpan.FromMilliseconds(300), pair.DebounceWindow));
        Assert.Equal([3, 2], options.Certificates.Select(pair => pair.MaxDebounce.TotalSeconds));
        Assert.Equal([1, 0], options.Certificates.Select(pair => pair.RequiredNames.Count));
        Assert.True(Assert.Single(options.TrustBundles).AllowStaleRevocationLists);
    }

    [Fact]
    public void Every_unknown_key_and_bad_value_is_in_one_message_with_what_is_expected()
    {
        var invalid = Assert.Throws<CertificateOptionsException>(() => Read(
            """
            certactors {
              stop-on-failed-first-load = perhaps
              certificate-defaults.poll-interval-with-events = 5
              certificates.api { certificate-path = /a.crt, key-paht = hunter2, debounce-window = 5 parsecs, purpose = Juggling, server-names = a.example }
              trust-bundle = {}
            }
            """));

        string[] expected =
        [
            "certactors.certificate-defaults.poll-interval-with-events is '5', and must be a duration such as 150ms, 5s, 10m, 1h, 14d or 00:00:05",
            "certactors.stop-on-failed-first-load is 'perhaps', and must be true or false",
            "certactors.certificates.api.key-paht is unknown; the keys are name, certificate-path, key-path, ",
            "certactors.certificates.api.debounce-window is '5 parsecs', and must be a duration",
            "certactors.certificates.api.purpose is 'Juggling', and must be one or more of ServerAuthentication, ClientAuthentication",
            "certactors.certificates.api.server-names is 'a.example', and must be a list",
            "certactors.trust-bundle is unknown; the keys are certificates, trust-bundles, stop-on-failed-first-load, certificate-defaults, trust-bundle-defaults",
            "pair 'api': KeyPath must name a PEM or PKCS#12 file",
        ];
        Assert.Equal(expected.Length, invalid.Errors.Count);
        Assert.All(expected, start => Assert.Contains(invalid.Errors, error => error.StartsWith(start, StringComparison.Ordinal)));
        Assert.DoesNotContain("hunter2", invalid.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void The_reference_has_every_option_and_no_other_key_and_the_defaults_of_the_code()
    {
        Assert.Equal([.. Keys<CertificatesOptions>().Concat(["certificate-defaults", "trust-bundle-defaults"]).Order()], KeysAt("certactors"));
        Assert.Equal(Keys<CertificateOptions>(), KeysAt("certactors.certificate-defaults"));
        Assert.Equal(Keys<TrustBundleOptions>(), KeysAt("certactors.trust-bundle-defaults"));

        var hocon = HoconOptions.Of(Config.Empty);
        var (pair, bundle) = (new CertificateOptions(), new TrustBundleOptions());
        Assert.Equal(pair with { ExpiryThresholds = pair.Copy().ExpiryThresholds }, hocon.NewPair());
        Assert.Equal(bundle with { ExpiryThresholds = bundle.Copy().ExpiryThresholds }, hocon.NewBundle());
        Assert.Empty(hocon.Errors);
    }

    [Fact]
    public void The_reference_describes_every_key()
    {
        using var reader = new StreamReader(typeof(CertificateHolder).Assembly.GetManifestResourceStream("CertActors.reference.conf")!);
        string[] lines = [.. reader.ReadToEnd().Split('\n').Select(line => line.Trim())];
        var keys = Enumerable.Range(0, lines.Length).Where(line => lines[line].Length > 0 && char.IsAsciiLetter(lines[line][0])).Skip(1).ToArray();

        // The skipped one is certactors, which contains the others.
        Assert.Equal(Keys<CertificatesOptions>().Concat(Keys<CertificateOptions>()).Concat(Keys<TrustBundleOptions>()).Count() + 2, keys.Length);
        Assert.All(keys, key => Assert.True(lines[key - 1].StartsWith("# ", StringComparison.Ordinal), lines[key]));
    }

    [Theory]
    [InlineData("150ms", 150d)]
    [InlineData("5s", 5_000d)]
    [InlineData(" 5 S ", 5_000d)]
    [InlineData("1.5m", 90_000d)]
    [InlineData("2h", 7_200_000d)]
    [InlineData("14d", 1_209_600_000d)]
    [InlineData("00:00:05", 5_000d)]
    [InlineData("-1s", -1_000d)]
    [InlineData("14.00:00:00", 1_209_600_000d)]
    [InlineData("5", null)]
    [InlineData("", null)]
    [InlineData("s", null)]
    [InlineData("5 weeks", null)]
    [InlineData("99999999999999d", null)]
    [InlineData("1e3s", null)]
    public void Durations_are_a_number_with_a_unit_or_a_time(string text, double? milliseconds)
    {
        Assert.Equal(milliseconds is not null, DurationText.TryParse(text, out var duration));
        Assert.Equal(milliseconds ?? 0, duration.TotalMilliseconds);
    }

    [Fact]
    public async Task A_supervisor_of_a_plain_actor_system_reads_it()
    {
        using var system = ActorSystem.Create("test", ConfigurationFactory.ParseString("akka.stdout-loglevel = OFF, akka.loggers = []").WithFallback(Minimal));

        var supervisor = system.ActorOf(CertificateSupervisor.Props(system, new CertificateHolder()), CertificateSupervisor.DefaultName);

        var status = await new CertificatesClient(supervisor).GetStatusAsync();
        Assert.Equal("api", Assert.Single(status.Certificates).Name);
        await system.Terminate();
    }

    [Fact]
    public void A_plain_actor_system_without_pairs_is_refused()
    {
        using var system = ActorSystem.Create("test", "akka.stdout-loglevel = OFF, akka.loggers = []");

        Assert.Throws<CertificateOptionsException>(() => CertificateSupervisor.Props(system, new CertificateHolder()));
    }

    private static CertificatesOptions Read(string hocon)
    {
        var options = HoconOptions.Of(ConfigurationFactory.ParseString(hocon));
        options.Validated();
        return options.Options;
    }

    private static string Here([CallerFilePath] string path = "") => Path.GetDirectoryName(path)!;

    private static IEnumerable<string> Keys<T>() =>
        typeof(T).GetProperties().Where(property => property.CanWrite).Select(property => HoconOptions.KeyOf(property.Name)).Order();

    private static IEnumerable<string> KeysAt(string path) => HoconOptions.Reference.GetConfig(path).Root.GetObject().Items.Keys.Order();
}
