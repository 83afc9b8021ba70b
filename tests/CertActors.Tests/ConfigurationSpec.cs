extern alias hosting;

using Akka.Actor;
using hosting::CertActors.Hosting;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Options;

namespace CertActors.Tests;

/// <summary>The options that the services of a host have: from code, from its configuration, and from the HOCON of its actor system.</summary>
public sealed class ConfigurationSpec
{
    private readonly ServiceCollection _services = [];

    private static CertificateOptions Pair => new() { CertificatePath = "/default.crt", KeyPath = "/default.key" };

    [Fact]
    public void A_configuration_has_pairs_and_bundles_by_name_and_durations_as_people_write_them()
    {
        _services.AddCertificates(Section(
            ("StopOnFailedFirstLoad", "true"),
            ("Certificates:api:CertificatePath", "/api.crt"),
            ("Certificates:api:KeyPath", "/api.key"),
            ("Certificates:api:ExpiryThresholds:0", "14d"),
            ("Certificates:api:DebounceWindow", "300ms"),
            ("Certificates:api:LoadTimeLimit", "00:00:07"),
            ("Certificates:api:allowedexpirysetback", "1h"),
            ("Certificates:api:Purpose", "ClientAuthentication"),
            ("TrustBundles:clients:CertificatePaths:0", "/ca.pem")));

        var options = Options();

        Assert.True(options.StopOnFailedFirstLoad);
        Assert.Equal(
            new CertificateOptions
            {
                Name = "api",
                CertificatePath = "/api.crt",
                KeyPath = "/api.key",
                ExpiryThresholds = [TimeSpan.FromDays(14)],
                DebounceWindow = TimeSpan.FromMilliseconds(300),
                LoadTimeLimit = TimeSpan.FromSeconds(7),
                AllowedExpirySetback = TimeSpan.FromHours(1),
                Purpose = CertificatePurpose.ClientAuthentication,
            },
            Assert.Single(options.Certificates));
        Assert.Equal(("clients", "/ca.pem"), (Assert.Single(options.TrustBundles).Name, Assert.Single(options.TrustBundles[0].CertificatePaths)));
    }

    [Fact]
    public void A_name_may_be_a_number_and_keys_that_count_from_0_are_a_list()
    {
        _services.AddCertificates(Section(
            ("Certificates:2026:CertificatePath", "/2026.crt"),
            ("Certificates:2026:KeyPath", "/2026.key"),
            ("Certificates:2027:CertificatePath", "/2027.crt"),
            ("Certificates:2027:KeyPath", "/2027.key"),
            ("TrustBundles:0:Name", "clients"),
            ("TrustBundles:0:CertificatePaths:0", "/clients.pem"),
            ("TrustBundles:1:Name", "servers"),
            ("TrustBundles:1:CertificatePaths:0", "/servers.pem")));

        var options = Options();

        Assert.Equal(["2026", "2027"], options.Certificates.Select(pair => pair.Name));
        Assert.Equal(["clients", "servers"], options.TrustBundles.Select(bundle => bundle.Name));
    }

    [Fact]
    public void Pairs_may_be_a_list()
    {
        _services.AddCertificates(Section(
            ("Certificates:0:CertificatePath", "/a.crt"), ("Certificates:0:KeyPath", "/a.key"),
            ("Certificates:1:Name", "b"), ("Certificates:1:CertificatePath", "/b.crt"), ("Certificates:1:KeyPath", "/b.key")));

        Assert.Equal(["default", "b"], Options().Certificates.Select(pair => pair.Name));
    }

    [Fact]
    public void Several_calls_add_up()
    {
        _services.AddCertificates(Pair);
        _services.AddCertificates(options => options.Certificates.Add(Pair with { Name = "b", CertificatePath = "/b.crt" }));
        _services.AddCertificates(new CertificatesOptions { TrustBundles = [new TrustBundleOptions { CertificatePaths = ["/ca.pem"] }], StopOnFailedFirstLoad = true });
        _services.AddCertificates(Section(("Certificates:c:CertificatePath", "/c.crt"), ("Certificates:c:KeyPath", "/c.key")));
        _services.AddCertificates();

        var options = Options();

        Assert.Equal(["default", "b", "c"], options.Certificates.Select(pair => pair.Name));
        Assert.Equal("trust", Assert.Single(options.TrustBundles).Name);
        Assert.True(options.StopOnFailedFirstLoad);
    }

    [Fact]
    public void The_same_name_or_the_same_files_in_two_calls_are_refused_and_both_are_named()
    {
        _services.AddCertificates(Pair);
        _services.AddCertificates(Pair with { CertificatePath = "/other.crt" });
        _services.AddCertificates(Pair with { Name = "third" });

        var errors = Errors();

        Assert.Equal(2, errors.Length);
        Assert.Contains(errors, error => error.StartsWith("the pair 'default' of '/default.crt' and the pair 'default' of '/other.crt' have the same name", StringComparison.Ordinal));
        Assert.Contains(errors, error => error.StartsWith("the pairs 'default' and 'third' have the same files, '/default.crt' and '/default.key'", StringComparison.Ordinal));
    }

    [Fact]
    public void Every_error_of_all_sources_is_in_one_message()
    {
        _services.AddCertificates(Pair with { Name = "no name" });
        _services.AddCertificates(Section(
            ("Certificates:api:CertificatePath", "/api.crt"), ("Certificates:api:KeyPaht", "hunter2"), ("Certificates:api:DebounceWindow", "5"), ("Bundles:x", "y")));
        _services.AddCertificates(Section().GetSection("Missing"));

        var invalid = Assert.Throws<OptionsValidationException>(Options);

        string[] expected =
        [
            "the name 'no name' must be 1 to 64",
            "CertActors:Certificates:api:KeyPaht is unknown; the keys are Name, CertificatePath, KeyPath, ",
            "CertActors:Certificates:api:DebounceWindow is '5', and must be a duration such as 150ms, 5s, 10m, 1h, 14d or 00:00:05",
            "CertActors:Bundles is unknown; the keys are Certificates, TrustBundles, StopOnFailedFirstLoad",
            "pair 'api': KeyPath must name a PEM or PKCS#12 file",
            "the configuration has no section 'CertActors:Missing', which was given to AddCertificates",
        ];
        Assert.Equal(expected.Length, invalid.Failures.Count());
        Assert.All(expected, start => Assert.Contains(invalid.Failures, error => error.StartsWith(start, StringComparison.Ordinal)));
        Assert.All(invalid.Failures, error => Assert.Contains(error, invalid.Message, StringComparison.Ordinal));
        Assert.DoesNotContain("hunter2", invalid.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Configure_and_PostConfigure_work_on_the_same_options()
    {
        _services.AddOptions<CertificatesOptions>().Configure(options => options.Certificates.Add(new CertificateOptions { Name = "b", CertificatePath = "/b.crt", KeyPath = "/b.key" }));
        _services.PostConfigure<CertificatesOptions>(options =>
        {
            foreach (var pair in options.Certificates)
                pair.DebounceWindow = TimeSpan.FromMilliseconds(500);
        });
        _services.AddCertificates(Pair);

        var options = Options();

        Assert.Equal(["b", "default"], options.Certificates.Select(pair => pair.Name));
        Assert.All(options.Certificates, pair => Assert.Equal(TimeSpan.FromMilliseconds(500), pair.DebounceWindow));
    }

    [Fact]
    public void What_Configure_and_PostConfigure_change_is_changed_once_each_time_and_not_for_the_caller()
    {
        CertificateOptions[] pairs = [Pair, Pair with { Name = "b", CertificatePath = "/b.crt" }];
        var bundle = new TrustBundleOptions { CertificatePaths = ["/ca.pem"] };
        _services.AddCertificates(pairs[0]);
        _services.AddCertificates(new CertificatesOptions { Certificates = [pairs[1]], TrustBundles = [bundle] });
        _services.Configure<CertificatesOptions>(options => options.Certificates[0].LoadTimeLimit = TimeSpan.FromSeconds(9));
        _services.PostConfigure<CertificatesOptions>(options =>
        {
            foreach (var pair in options.Certificates)
                pair.ServerNames.Add("added.example");
            options.TrustBundles[0].CertificatePaths.Add("/added.pem");
        });
        using var provider = _services.BuildServiceProvider();
        var factory = provider.GetRequiredService<IOptionsFactory<CertificatesOptions>>();

        var first = factory.Create(Microsoft.Extensions.Options.Options.DefaultName);
        var second = factory.Create(Microsoft.Extensions.Options.Options.DefaultName);

        Assert.Equal(first, second);
        Assert.All(second.Certificates, pair => Assert.Equal(["added.example"], pair.ServerNames));
        Assert.Equal(["/ca.pem", "/added.pem"], second.TrustBundles[0].CertificatePaths);
        Assert.Equal([Pair, Pair with { Name = "b", CertificatePath = "/b.crt" }], pairs);
        Assert.Equal(["/ca.pem"], bundle.CertificatePaths);
        Assert.Equal(3, ListsOf(Pair).Length);
        Assert.Equal(3, ListsOf(bundle).Length);
        Assert.Empty(pairs.Concat<object>([bundle]).SelectMany(ListsOf).Intersect(first.Certificates.Concat<object>(first.TrustBundles).SelectMany(ListsOf), ReferenceEqualityComparer.Instance));
    }

    [Fact]
    public void The_binder_that_the_compiler_generates_binds_the_options_and_appends_to_no_default()
    {
        var section = Section(
            ("Certificates:0:CertificatePath", "/a.crt"), ("Certificates:0:KeyPath", "/a.key"), ("Certificates:0:Purpose", "ServerAuthentication, ClientAuthentication"),
            ("Certificates:0:ServerNames:0", "a.example"), ("Certificates:0:ServerNames:1", "*.example.org"), ("Certificates:0:ExpiryThresholds:0", "14.00:00:00"),
            ("TrustBundles:0:CertificatePaths:0", "/ca.pem"));
        _services.Configure<CertificatesOptions>(section);
        _services.AddCertificates();

        var pair = Assert.Single(Options().Certificates);

        Assert.Equal(CertificatePurpose.ServerAuthentication | CertificatePurpose.ClientAuthentication, pair.Purpose);
        Assert.Equal(["a.example", "*.example.org"], pair.ServerNames);
        Assert.Equal([TimeSpan.FromDays(14)], pair.ExpiryThresholds);
        Assert.Contains(typeof(ConfigurationSpec).Assembly.GetTypes(), type => type.Name.Contains("BindingExtensions", StringComparison.Ordinal));
    }

    [Fact]
    public void Configuration_beats_HOCON_and_HOCON_beats_the_defaults()
    {
        using var system = ActorSystem.Create(
            "test",
            """
            akka.stdout-loglevel = OFF, akka.loggers = []
            certactors {
              stop-on-failed-first-load = on
              certificate-defaults { debounce-window = 200ms, max-debounce = 2s }
              certificates {
                api { certificate-path = /hocon.crt, key-path = /hocon.key, load-time-limit = 9s }
                only-hocon { certificate-path = /only.crt, key-path = /only.key }
                code { certificate-path = /hocon2.crt, key-path = /hocon2.key }
              }
              trust-bundles.clients.certificate-paths = [/hocon.pem]
            }
            """);
        _services.AddSingleton(system);
        _services.AddCertificates(Section(("Certificates:api:CertificatePath", "/api.crt"), ("Certificates:api:KeyPath", "/api.key"), ("Certificates:api:MaxDebounce", "3s")));
        _services.AddCertificates(Pair with { Name = "code" });

        var options = Options();

        Assert.Equal(["api", "code", "only-hocon"], options.Certificates.Select(pair => pair.Name));
        var (api, code, only) = (options.Certificates[0], options.Certificates[1], options.Certificates[2]);
        Assert.Equal(("/api.crt", 3_000, 200, 5_000), (api.CertificatePath, api.MaxDebounce.TotalMilliseconds, api.DebounceWindow.TotalMilliseconds, api.LoadTimeLimit.TotalMilliseconds));
        Assert.Equal(("/default.crt", 150), (code.CertificatePath, code.DebounceWindow.TotalMilliseconds));
        Assert.Equal(("/only.crt", 200, 2_000), (only.CertificatePath, only.DebounceWindow.TotalMilliseconds, only.MaxDebounce.TotalMilliseconds));
        Assert.Equal("clients", Assert.Single(options.TrustBundles).Name);
        Assert.True(options.StopOnFailedFirstLoad);
    }

    [Fact]
    public void A_configuration_may_set_to_false_what_HOCON_sets_to_true_and_errors_of_HOCON_are_listed_too()
    {
        using var system = ActorSystem.Create("test", "akka.stdout-loglevel = OFF, akka.loggers = [], certactors { stop-on-failed-first-load = on, nonsense = 1 }");
        _services.AddSingleton(system);
        _services.AddCertificates(Pair);

        Assert.StartsWith("certactors.nonsense is unknown", Assert.Single(Errors()), StringComparison.Ordinal);
        _services.AddCertificates(Section(("StopOnFailedFirstLoad", "false")));
        using var provider = _services.BuildServiceProvider();
        Assert.False(provider.GetServices<IConfigureOptions<CertificatesOptions>>().Aggregate(
            new CertificatesOptions(), (options, step) =>
            {
                step.Configure(options);
                return options;
            }).StopOnFailedFirstLoad);
    }

    private CertificatesOptions Options()
    {
        using var provider = _services.BuildServiceProvider();
        return provider.GetRequiredService<IOptions<CertificatesOptions>>().Value;
    }

    private static object[] ListsOf(object options) =>
        [.. options.GetType().GetProperties().Select(property => property.GetValue(options)).OfType<System.Collections.IList>()];

    private string[] Errors() => [.. Assert.Throws<OptionsValidationException>(Options).Failures];

    private static IConfigurationSection Section(params (string Key, string Value)[] values) => new ConfigurationBuilder()
        .AddInMemoryCollection(values.Select(value => KeyValuePair.Create($"CertActors:{value.Key}", (string?)value.Value)))
        .Build()
        .GetSection("CertActors");
}
