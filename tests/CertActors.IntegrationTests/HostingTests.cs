using System.Text.Json;
using Akka.Actor;
using Akka.Hosting;
using CertActors.Hosting;
using CertActors.Tests.Support;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Diagnostics.HealthChecks;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;
using Microsoft.Extensions.Time.Testing;

namespace CertActors.IntegrationTests;

/// <summary>The supervisor under Akka.Hosting, on real files.</summary>
public sealed class HostingTests : IDisposable
{
    private static readonly TimeSpan Generous = TimeSpan.FromSeconds(30);
    private static readonly CertificateOptions Missing = new() { Name = "missing", CertificatePath = "/nowhere/tls.crt", KeyPath = "/nowhere/tls.key" };

    private readonly string _directory = Directory.CreateTempSubdirectory("certactors-").FullName;
    private readonly CollectedLogs _logs = new();

    [Fact]
    public async Task The_supervisor_is_registered_and_runs_on_the_holder_of_the_services()
    {
        using var host = Host(services => services.AddCertificates(Missing), akka => akka.WithCertificates());
        await host.StartAsync();

        var supervisor = host.Services.GetRequiredService<IRequiredActor<CertificateSupervisor>>().ActorRef;
        await supervisor.Ask<ReloadNowResult>(new ReloadNow(), Generous);
        var reason = await Assert.ThrowsAsync<CertificateNotLoadedException>(
            () => host.Services.GetRequiredService<CertificateHolder>().WaitForFirstAsync(TimeSpan.Zero));

        Assert.Equal("/user/certificates", supervisor.Path.ToStringWithoutAddress());
        Assert.Equal(RejectionReason.FileMissing, reason.Failure?.Reason);
        await host.StopAsync();
    }

    [Fact]
    public async Task A_start_without_AddCertificates_names_it()
    {
        using var host = Host(_ => { }, akka => akka.WithCertificates());

        var failure = await Assert.ThrowsAsync<InvalidOperationException>(() => host.StartAsync());

        Assert.Contains(nameof(CertificateHostingExtensions.AddCertificates), failure.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_start_without_WithCertificates_names_it()
    {
        using var host = Host(services => services.AddCertificates(Missing), _ => { });

        var failure = await Assert.ThrowsAsync<InvalidOperationException>(() => host.StartAsync());

        Assert.Contains(nameof(CertificateHostingExtensions.WithCertificates), failure.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task WithCertificates_twice_says_so()
    {
        var failure = await Assert.ThrowsAsync<InvalidOperationException>(async () =>
        {
            using var host = Host(services => services.AddCertificates(Missing), akka => akka.WithCertificates().WithCertificates());
            await host.StartAsync();
        });

        Assert.Contains("WithCertificates was called before", failure.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Invalid_options_fail_the_start_with_every_error()
    {
        var configuration = new ConfigurationBuilder().AddInMemoryCollection([new("Certificates:api:KeyPaht", "/tls.key")]).Build();
        using var host = Host(services => services.AddCertificates(configuration), akka => akka.WithCertificates());

        var invalid = await Assert.ThrowsAsync<OptionsValidationException>(() => host.StartAsync());

        Assert.Equal(3, invalid.Failures.Count());
        Assert.Contains("Certificates:api:KeyPaht is unknown", invalid.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_start_on_a_holder_that_is_taken_says_so()
    {
        var holder = new CertificateHolder();
        using var first = Host(services => services.AddSingleton(holder).AddCertificates(Missing), akka => akka.WithCertificates());
        using var second = Host(services => services.AddSingleton(holder).AddCertificates(Missing), akka => akka.WithCertificates());
        await first.StartAsync();

        await Assert.ThrowsAsync<CertificateHolderInUseException>(() => second.StartAsync());

        await first.StopAsync();
        using var third = Host(services => services.AddSingleton(holder).AddCertificates(Missing), akka => akka.WithCertificates());
        await third.StartAsync();
        await third.StopAsync();
    }

    [Fact]
    public async Task The_start_waits_until_every_pair_and_bundle_is_served()
    {
        var authority = new TestAuthority("one");
        var bundle = new TrustBundleOptions { CertificatePaths = [PathOf("ca.pem")] };
        using var host = Host(
            services => services.AddCertificates(Write("a")).AddCertificates(Pair("b")).AddCertificates(options => options.TrustBundles.Add(bundle)),
            akka => akka.WithCertificates(Timeout.InfiniteTimeSpan));

        var started = host.StartAsync();
        var holder = host.Services.GetRequiredService<CertificateHolder>();
        await holder.WaitForAsync("a", Generous);
        Assert.False(started.IsCompleted);
        Write("b");
        await holder.WaitForAsync("b", Generous);
        Assert.False(started.IsCompleted);
        File.WriteAllText(bundle.CertificatePaths[0], authority.CertificatePem);

        await started.WaitAsync(Generous);
        Assert.NotNull(holder.GetTrustBundle("trust"));
        await host.StopAsync();
    }

    [Fact]
    public async Task A_start_that_waits_for_too_long_fails_and_names_what_is_missing()
    {
        using var host = Host(
            services => services.AddCertificates(Write("a"), Missing).AddCertificates(options =>
                options.TrustBundles.Add(new TrustBundleOptions { Name = "nobody", CertificatePaths = [PathOf("ca.pem")] })),
            akka => akka.WithCertificates(TimeSpan.FromSeconds(1)));

        var failure = await Assert.ThrowsAsync<CertificateNotLoadedException>(() => host.StartAsync());

        Assert.Equal(["missing", "nobody"], failure.Missing);
        Assert.Contains("Certificate missing was not loaded: ", failure.Message, StringComparison.Ordinal);
        Assert.Contains("Trust bundle nobody was not loaded: ", failure.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task With_StopOnFailedFirstLoad_a_start_that_waits_fails()
    {
        using var host = Host(
            services => services.AddCertificates(new CertificatesOptions { Certificates = [Write("a"), Missing], StopOnFailedFirstLoad = true }),
            akka => akka.WithCertificates(Timeout.InfiniteTimeSpan));

        var failure = await Assert.ThrowsAsync<CertificateNotLoadedException>(() => host.StartAsync().WaitAsync(Generous));

        Assert.Equal("missing", failure.Failure?.Name);
    }

    [Fact]
    public async Task With_StopOnFailedFirstLoad_an_application_that_does_not_wait_stops()
    {
        using var host = Host(
            services => services.AddCertificates(new CertificatesOptions { Certificates = [Write("a"), Missing], StopOnFailedFirstLoad = true }),
            akka => akka.WithCertificates());

        await host.StartAsync();
        await host.WaitForShutdownAsync().WaitAsync(Generous);

        Assert.Contains(_logs.Lines, line => line.Contains("the application stops", StringComparison.Ordinal));
    }

    [Fact]
    public async Task A_configuration_that_changes_adds_moves_and_removes_pairs_and_bundles_and_an_invalid_one_changes_nothing()
    {
        var (one, other) = (new TestAuthority("one"), new TestAuthority("other"));
        File.WriteAllText(PathOf("one.pem"), one.CertificatePem);
        File.WriteAllText(PathOf("other.pem"), other.CertificatePem);
        var settings = new Settings();
        settings.Set(Of(Write("a"), bundle: "one.pem"));
        using var host = Host(
            services => services.AddCertificates(new ConfigurationBuilder().Add(settings).Build().GetSection("CertActors")),
            akka => akka.WithCertificates(Generous));
        await host.StartAsync();
        var holder = host.Services.GetRequiredService<CertificateHolder>();
        var a = holder.Get("a");

        settings.Set([.. Of(Pair("a"), bundle: "one.pem"), .. Of(Write("b"))]);
        await Wait.UntilAsync(() => holder.Get("b") is not null);

        settings.Set([.. Of(Pair("a"), bundle: "other.pem"), .. Of(Write("c") with { Name = "b" })]);
        await Wait.UntilAsync(() => holder.Get("b")?.Generation == 2 && holder.GetTrustBundle("trust")?.Generation == 2);
        Assert.Equal("CN=other", Assert.Single(holder.GetTrustBundle("trust")!.Authorities).Subject);

        settings.Set([.. Of(Pair("a")), new("CertActors:Certificates:a:DebounceWindow", "soon")]);
        Assert.Contains(_logs.Lines, line => line.Contains("CertActors:Certificates:a:DebounceWindow is 'soon', and must be a duration", StringComparison.Ordinal));
        var status = await host.Services.GetRequiredService<ICertificates>().GetStatusAsync();
        Assert.Equal((2, 1), (status.Certificates.Count, status.TrustBundles.Count));

        settings.Set(Of(Pair("a")));
        await Wait.UntilAsync(() => holder.Get("b") is null && holder.GetTrustBundle("trust") is null);
        Assert.Same(a, holder.Get("a"));
        await host.StopAsync();
    }

    [Fact]
    public async Task A_file_of_the_configuration_that_is_missing_or_damaged_for_a_moment_removes_nothing_and_one_that_stays_away_does()
    {
        Configure("a.json", Write("a"));
        Configure("b.json", Write("b"));
        var configuration = new ConfigurationBuilder()
            .SetBasePath(_directory)
            .AddJsonFile("a.json", optional: false, reloadOnChange: true)
            .AddJsonFile("b.json", optional: false, reloadOnChange: true)
            .Build();
        using var files = (IDisposable)configuration;
        var time = new FakeTimeProvider();
        using var host = Host(
            services => services.AddSingleton(new CertificateHolder()).AddSingleton<TimeProvider>(time).AddCertificates(configuration.GetSection("CertActors")),
            akka => akka.WithCertificates(Generous));
        await host.StartAsync();
        var certificates = host.Services.GetRequiredService<ICertificates>();

        File.Delete(PathOf("b.json"));
        await Wait.UntilAsync(() => !Has("b"));
        Configure("b.json", Pair("b"));
        await Wait.UntilAsync(() => Has("b"));

        // It is damaged, and the other is read again.
        File.WriteAllText(PathOf("b.json"), "{");
        await Wait.UntilAsync(() => !Has("b"));
        Configure("a.json", Write("c"), Pair("a"));
        await Wait.UntilAsync(() => Has("c"));
        Configure("b.json", Pair("b"));
        await Wait.UntilAsync(() => Has("b"));
        time.Advance(TimeSpan.FromSeconds(10));
        await Wait.UntilAsync(async () => await NamesAsync() == "a b c");
        Assert.DoesNotContain(_logs.Lines, line => line.Contains("Certificate b: removed", StringComparison.Ordinal) || line.Contains("removed b", StringComparison.Ordinal));

        File.Delete(PathOf("b.json"));
        await Wait.UntilAsync(() => !Has("b"));
        await Wait.UntilAsync(async () =>
        {
            time.Advance(TimeSpan.FromSeconds(1));
            return await NamesAsync() == "a c";
        });
        await host.StopAsync();

        bool Has(string name) => configuration.GetSection($"CertActors:Certificates:{name}").Exists();

        async Task<string> NamesAsync() => string.Join(' ', (await certificates.GetStatusAsync()).Certificates.Select(pair => pair.Name).Order(StringComparer.Ordinal));

        void Configure(string file, params CertificateOptions[] pairs) => File.WriteAllText(PathOf(file), JsonSerializer.Serialize(new
        {
            CertActors = new { Certificates = pairs.ToDictionary(pair => pair.Name, pair => new { pair.CertificatePath, pair.KeyPath }) },
        }));
    }

    [Fact]
    public async Task Code_that_is_no_actor_asks_by_a_service()
    {
        using var host = Host(services => services.AddCertificates(Write("a")), akka => akka.WithCertificates(Generous));
        await host.StartAsync();
        var certificates = host.Services.GetRequiredService<ICertificates>();

        Assert.Equal(1, Assert.Single((await certificates.GetStatusAsync()).Certificates).LastChange?.Generation);
        Write("a");
        Assert.Equal(ReloadOutcomeKind.Changed, Assert.Single((await certificates.ReloadAsync("a")).Outcomes).Kind);
        await host.StopAsync();
    }

    [Fact]
    public async Task The_health_check_is_registered_with_its_tags()
    {
        using var host = Host(
            services => services.AddCertificates(Write("a"), Pair("b")).AddHealthChecks(),
            akka => akka.WithCertificates().WithCertificateHealthCheck(failureStatus: HealthStatus.Degraded));
        await host.StartAsync();
        await host.Services.GetRequiredService<CertificateHolder>().WaitForAsync("a", Generous);
        var health = host.Services.GetRequiredService<HealthCheckService>();

        var missing = (await health.CheckHealthAsync()).Entries[CertificateHostingExtensions.HealthCheckName];
        Assert.Equal(HealthStatus.Degraded, missing.Status);
        Assert.Equal(["akka", "certificates", "ready"], missing.Tags.Except(["akka.net"]).Order());
        Assert.Equal("b: NotServed", Assert.Single(missing.Data).Key);

        Write("b");
        await host.Services.GetRequiredService<CertificateHolder>().WaitForAsync("b", Generous);
        await Wait.UntilAsync(async () => (await health.CheckHealthAsync()).Status == HealthStatus.Healthy);
        await host.StopAsync();
    }

    [Fact]
    public async Task A_stop_closes_the_watches_and_logs_no_warning_and_what_is_loaded_is_served_on()
    {
        using var host = Host(
            services => services.AddCertificates(Write("a")),
            akka => akka.ConfigureLoggers(loggers => loggers.AddLoggerFactory()).WithCertificates(Generous));
        await host.StartAsync();
        var holder = host.Services.GetRequiredService<CertificateHolder>();
        var system = host.Services.GetRequiredService<ActorSystem>();
        Akka.Event.LoggingExtensions.Info(system.Log, "Akka's own log is collected.");
        await Wait.UntilAsync(() => _logs.Any("Akka's own log is collected."));
        var supervisor = host.Services.GetRequiredService<IRequiredActor<CertificateSupervisor>>().ActorRef;

        // Loads are under way when it stops.
        Write("a");
        for (var i = 0; i < 20; i++)
            supervisor.Tell(new ReloadNow());
        await host.StopAsync();

        Assert.True(system.WhenTerminated.IsCompletedSuccessfully);
        Assert.NotNull(holder.Get("a"));
        Assert.DoesNotContain(_logs.Lines, line => !line.StartsWith("Information", StringComparison.Ordinal));
        var generation = holder.Get("a")!.Generation;
        Write("a");
        using var next = Host(services => services.AddSingleton(holder).AddCertificates(Pair("a")), akka => akka.WithCertificates());
        await next.StartAsync();
        await Wait.UntilAsync(() => holder.Get("a")!.Generation == generation + 1);
        await next.StopAsync();
    }

    [Fact]
    public async Task Without_a_logger_factory_the_actor_system_logs()
    {
        using var system = ActorSystem.Create("test", "akka.stdout-loglevel = OFF, akka.loggers = []");
        var logged = new TaskCompletionSource<string>();
        var listener = system.ActorOf(Props.Create(() => new Listener(logged)));
        system.EventStream.Subscribe(listener, typeof(Akka.Event.Warning));

        system.ActorOf(CertificateSupervisor.Props(new CertificateHolder(), Missing), CertificateSupervisor.DefaultName);

        Assert.Contains("/nowhere/tls.crt", await logged.Task.WaitAsync(Generous), StringComparison.Ordinal);
        await system.Terminate().WaitAsync(Generous);
    }

    public void Dispose() => Directory.Delete(_directory, recursive: true);

    private KeyValuePair<string, string?>[] Of(CertificateOptions pair, string? bundle = null) =>
    [
        new($"CertActors:Certificates:{pair.Name}:CertificatePath", pair.CertificatePath),
        new($"CertActors:Certificates:{pair.Name}:KeyPath", pair.KeyPath),
        .. bundle is null ? (KeyValuePair<string, string?>[])[] : [new("CertActors:TrustBundles:trust:CertificatePaths:0", PathOf(bundle))],
    ];

    private string PathOf(string name) => Path.Combine(_directory, name);

    private CertificateOptions Pair(string name) => new() { Name = name, CertificatePath = PathOf($"{name}.crt"), KeyPath = PathOf($"{name}.key") };

    private CertificateOptions Write(string name)
    {
        var (options, pair) = (Pair(name), TestPair.Make());
        File.WriteAllText(options.KeyPath, pair.KeyPem);
        File.SetUnixFileMode(options.KeyPath, UnixFileMode.UserRead | UnixFileMode.UserWrite);
        File.WriteAllText(options.CertificatePath, pair.CertificatePem);
        return options;
    }

    private IHost Host(Action<IServiceCollection> services, Action<AkkaConfigurationBuilder> akka)
    {
        var builder = Microsoft.Extensions.Hosting.Host.CreateEmptyApplicationBuilder(settings: null);
        builder.Logging.ClearProviders();
        builder.Logging.AddProvider(_logs);
        services(builder.Services);
        builder.Services.AddAkka("test", (configuration, _) =>
        {
            configuration.AddHocon("akka.stdout-loglevel = OFF", HoconAddMode.Prepend);
            akka(configuration);
        });
        return builder.Build();
    }

    /// <summary>A configuration that is replaced as a whole.</summary>
    private sealed class Settings : ConfigurationProvider, IConfigurationSource
    {
        public IConfigurationProvider Build(IConfigurationBuilder builder) => this;

        public void Set(KeyValuePair<string, string?>[] all)
        {
            Data = new Dictionary<string, string?>(all, StringComparer.OrdinalIgnoreCase);
            OnReload();
        }
    }

    private sealed class Listener : ReceiveActor
    {
        public Listener(TaskCompletionSource<string> logged)
        {
            Receive<Akka.Event.Warning>(warning => logged.TrySetResult($"{warning.Message}"));
        }
    }
}
