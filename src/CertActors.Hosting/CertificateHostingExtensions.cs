using System.Runtime.CompilerServices;
using Akka.DependencyInjection;
using Akka.Hosting;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.DependencyInjection.Extensions;
using Microsoft.Extensions.Diagnostics.HealthChecks;
using Microsoft.Extensions.Options;

namespace CertActors.Hosting;

/// <summary>Adds certificates to a server that is configured with Akka.Hosting.</summary>
public static class CertificateHostingExtensions
{
    /// <summary>The name of the health check.</summary>
    public const string HealthCheckName = "certactors.certificates";

    private static readonly ConditionalWeakTable<AkkaConfigurationBuilder, object> WithSupervisor = new();

    /// <summary>
    /// Registers pairs, and the <see cref="CertificateHolder"/> that serves them. The pair with <see cref="CertificateOptions.IsDefault"/>, otherwise the
    /// first for servers, is the default. Without a pair, those of the other calls and of HOCON are served.
    /// </summary>
    /// <inheritdoc cref="AddCertificates(IServiceCollection, Action{CertificatesOptions})"/>
    /// <param name="services">The host's services.</param>
    /// <param name="certificates">The pairs.</param>
    /// <example><code>
    /// builder.Services.AddCertificates(new CertificateOptions { CertificatePath = "/etc/tls/tls.crt", KeyPath = "/etc/tls/tls.key" });
    /// builder.Services.AddAkka("server", akka => akka.WithCertificates(wait: TimeSpan.FromSeconds(30)));
    /// </code></example>
    public static IServiceCollection AddCertificates(this IServiceCollection services, params CertificateOptions[] certificates)
    {
        ArgumentNullException.ThrowIfNull(certificates);
        return services.AddCertificates(new CertificatesOptions { Certificates = certificates });
    }

    /// <summary>Registers pairs and trust bundles, and the <see cref="CertificateHolder"/> that serves them.</summary>
    /// <inheritdoc cref="AddCertificates(IServiceCollection, Action{CertificatesOptions})"/>
    /// <param name="services">The host's services.</param>
    /// <param name="options">The pairs and trust bundles. Copies of them are added to those of other calls.</param>
    /// <example><code>
    /// builder.Services.AddCertificates(new CertificatesOptions
    /// {
    ///     Certificates = [new CertificateOptions { CertificatePath = "/etc/tls/tls.crt", KeyPath = "/etc/tls/tls.key" }],
    ///     TrustBundles = [new TrustBundleOptions { Name = "clients", CertificatePaths = ["/etc/tls/clients.pem"] }],
    /// });
    /// </code></example>
    public static IServiceCollection AddCertificates(this IServiceCollection services, CertificatesOptions options)
    {
        ArgumentNullException.ThrowIfNull(options);
        return services.AddCertificates(all =>
        {
            // Copies, as whoever configures the options next may change what is added, and they are made anew whenever the configuration changes.
            foreach (var pair in options.Certificates)
                all.Certificates.Add(CopyOf(pair));
            foreach (var bundle in options.TrustBundles)
                all.TrustBundles.Add(CopyOf(bundle));
            all.StopOnFailedFirstLoad |= options.StopOnFailedFirstLoad;
        });
    }

    /// <summary>
    /// Registers the pairs and trust bundles of a configuration, and the <see cref="CertificateHolder"/> that serves them. When the configuration changes
    /// while the host runs, pairs and bundles are added, removed and moved to other paths, and the others are not touched.
    /// </summary>
    /// <remarks>
    /// <para>
    /// The keys are the names of the options. <c>Certificates</c> and <c>TrustBundles</c> have one section for each name, or are lists. Durations are
    /// written as <c>150ms</c>, <c>5s</c>, <c>10m</c>, <c>1h</c>, <c>14d</c> or <c>00:00:05</c>. A list replaces the default one. What a pair or bundle
    /// does not set has the default of HOCON (<c>certactors.certificate-defaults</c>, <c>certactors.trust-bundle-defaults</c>).
    /// </para>
    /// <para>
    /// The start of the host fails with <see cref="OptionsValidationException"/> if the configuration and all other sources together are invalid; the message
    /// lists every unknown key and bad value with what is expected. A change while the host runs that is invalid is logged (event 202), and changes nothing.
    /// </para>
    /// <para>
    /// What removes or changes a pair or bundle is applied only if it still does when the configuration has stayed the same for 2 s: .NET takes a JSON
    /// file that is missing or damaged, as while it is replaced, for an empty one. What only adds pairs or bundles is applied at once.
    /// </para>
    /// </remarks>
    /// <param name="services">The host's services.</param>
    /// <param name="configuration">A section with the keys of <see cref="CertificatesOptions"/>.</param>
    /// <returns>The host's services.</returns>
    /// <example><code>
    /// // "CertActors": { "Certificates": { "api": { "CertificatePath": "/etc/tls/tls.crt", "KeyPath": "/etc/tls/tls.key" } } }
    /// builder.Services.AddCertificates(builder.Configuration.GetSection("CertActors"));
    /// </code></example>
    public static IServiceCollection AddCertificates(this IServiceCollection services, IConfiguration configuration)
    {
        ArgumentNullException.ThrowIfNull(configuration);
        AddServices(services);
        var source = new ConfigurationSource(configuration);
        services.AddSingleton(source);
        services.AddSingleton<IOptionsChangeTokenSource<CertificatesOptions>>(source);
        return services.AddSingleton<IConfigureOptions<CertificatesOptions>>(provider =>
            new ConfigureOptions<CertificatesOptions>(options => source.AddTo(options, provider.GetRequiredService<HoconSource>())));
    }

    /// <summary>
    /// Configures the pairs and trust bundles, and registers the <see cref="CertificateHolder"/> that serves them; <see cref="WithCertificates"/> starts their
    /// supervisor.
    /// </summary>
    /// <remarks>
    /// Several calls add up, with those that take a configuration and with <c>services.Configure</c>. The start of the host fails with
    /// <see cref="OptionsValidationException"/>, which lists every error, if all of them together are invalid: for example, if two pairs have the same name or
    /// the same files. A pair or trust bundle replaces the one of HOCON (<c>certactors { … }</c> in the actor system's configuration) that has its name.
    /// </remarks>
    /// <param name="services">The host's services.</param>
    /// <param name="configure">Adds pairs and trust bundles.</param>
    /// <returns>The host's services.</returns>
    /// <example><code>
    /// builder.Services.AddCertificates(options =>
    ///     options.Certificates.Add(new CertificateOptions { CertificatePath = "/etc/tls/tls.crt", KeyPath = "/etc/tls/tls.key" }));
    /// </code></example>
    public static IServiceCollection AddCertificates(this IServiceCollection services, Action<CertificatesOptions> configure)
    {
        ArgumentNullException.ThrowIfNull(configure);
        AddServices(services);
        return services.Configure(configure);
    }

    /// <summary>
    /// Starts the <see cref="CertificateSupervisor"/> as <c>/user/certificates</c>, and registers it in the <see cref="ActorRegistry"/> under its type. It stops
    /// with the coordinated shutdown of the actor system; what it has loaded is served until the process ends. Each <see cref="IRotationHook"/> that is
    /// registered in the services takes part.
    /// </summary>
    /// <remarks>
    /// <para>
    /// The start of the host fails with <see cref="InvalidOperationException"/> if <c>AddCertificates</c> wasn't called, and with
    /// <see cref="CertificateHolderInUseException"/> if another supervisor owns the holder.
    /// </para>
    /// <para>
    /// With <paramref name="wait"/>, it fails with <see cref="CertificateNotLoadedException"/>, which names what is missing. <c>WebApplicationBuilder</c> starts
    /// Kestrel last, and so nothing listens before. With a <c>HostBuilder</c>, call <c>AddAkka</c> before <c>ConfigureWebHostDefaults</c>; and services must not
    /// start concurrently.
    /// </para>
    /// <para>
    /// With <see cref="CertificatesOptions.StopOnFailedFirstLoad"/>, the application stops when a first load fails (event 203, and the exit code that the
    /// application has set); if the host waits, its start fails.
    /// </para>
    /// </remarks>
    /// <param name="builder">The actor system's builder.</param>
    /// <param name="wait">
    /// How long the start of the host waits until every pair and trust bundle is served; <see cref="Timeout.InfiniteTimeSpan"/> for as long as it takes. Default
    /// null: it doesn't wait.
    /// </param>
    /// <returns>The actor system's builder.</returns>
    /// <exception cref="InvalidOperationException">It was called before for this actor system.</exception>
    /// <example><code>builder.Services.AddAkka("server", akka => akka.WithCertificates(wait: TimeSpan.FromSeconds(30)));</code></example>
    public static AkkaConfigurationBuilder WithCertificates(this AkkaConfigurationBuilder builder, TimeSpan? wait = null)
    {
        ArgumentNullException.ThrowIfNull(builder);
        if (!WithSupervisor.TryAdd(builder, builder.GetType()))
            throw new InvalidOperationException($"{nameof(WithCertificates)} was called before; one supervisor serves the pairs of all calls of {nameof(AddCertificates)}.");

        builder.WithActors(async (system, registry, resolver) =>
        {
            var start = resolver.GetService<SupervisorStart>()
                ?? throw new InvalidOperationException($"{nameof(WithCertificates)} finds no pairs: call services.{nameof(AddCertificates)}(...) too.");
            registry.Register<CertificateSupervisor>(await start.StartAsync(system).ConfigureAwait(false));
        });
        return wait is not { } limit ? builder : builder.AddStartup((system, _) =>
            DependencyResolver.For(system).Resolver.GetService<SupervisorStart>().WaitAsync(limit));
    }

    /// <summary>
    /// Adds a health check, <see cref="HealthCheckName"/>, with the tags <c>akka</c>, <c>ready</c> and <c>certificates</c>. A restart of the process repairs no
    /// certificate: don't use it as a liveness check.
    /// </summary>
    /// <remarks>
    /// It reports the failure status when the supervisor does not answer, or a pair or trust bundle serves nothing, and <see cref="HealthStatus.Degraded"/> when
    /// one has another <see cref="CertificateHealthReason"/>. The data has each as a <see cref="CertificateHealthIssue"/>.
    /// </remarks>
    /// <param name="builder">The actor system's builder.</param>
    /// <param name="configure">Sets the options.</param>
    /// <param name="failureStatus">The failure status. Default null: <see cref="HealthStatus.Unhealthy"/>.</param>
    /// <param name="tags">The tags; null for those above.</param>
    /// <returns>The actor system's builder.</returns>
    /// <exception cref="ArgumentOutOfRangeException">An option is out of its range.</exception>
    /// <example><code>
    /// builder.Services.AddHealthChecks();
    /// builder.Services.AddAkka("server", akka => akka.WithCertificates().WithCertificateHealthCheck());
    /// app.MapHealthChecks("/healthz", new HealthCheckOptions { Predicate = check => check.Tags.Contains("ready") });
    /// </code></example>
    public static AkkaConfigurationBuilder WithCertificateHealthCheck(
        this AkkaConfigurationBuilder builder,
        Action<CertificateHealthOptions>? configure = null,
        HealthStatus? failureStatus = null,
        IEnumerable<string>? tags = null)
    {
        ArgumentNullException.ThrowIfNull(builder);
        var options = new CertificateHealthOptions();
        configure?.Invoke(options);
        return builder.WithHealthCheck(HealthCheckName, new CertificateHealthCheck(options), failureStatus, tags ?? ["akka", "ready", "certificates"]);
    }

    // To set a list copies it. A null is reported when the options are validated.
    private static CertificateOptions CopyOf(CertificateOptions pair) => pair is null ? null! : pair with
    {
        ServerNames = pair.ServerNames,
        RequiredNames = pair.RequiredNames,
        ExpiryThresholds = pair.ExpiryThresholds,
    };

    private static TrustBundleOptions CopyOf(TrustBundleOptions bundle) => bundle is null ? null! : bundle with
    {
        CertificatePaths = bundle.CertificatePaths,
        RevocationListPaths = bundle.RevocationListPaths,
        ExpiryThresholds = bundle.ExpiryThresholds,
    };

    private static void AddServices(IServiceCollection services)
    {
        ArgumentNullException.ThrowIfNull(services);
        if (services.Any(service => service.ServiceType == typeof(SupervisorStart)))
            return;

        services.TryAddSingleton(provider => new CertificateHolder(provider.GetService<TimeProvider>()));
        services.AddSingleton<SupervisorStart>();
        services.AddSingleton<HoconSource>();
        services.TryAddSingleton<ICertificates, HostedCertificates>();
        services.AddHostedService<StartCheck>();
        services.AddOptions<CertificatesOptions>();
        services.AddSingleton<IValidateOptions<CertificatesOptions>, OptionsValidator>();

        // First, so that everything else, wherever it is registered, comes after it.
        services.Insert(0, ServiceDescriptor.Singleton<IConfigureOptions<CertificatesOptions>>(provider => provider.GetRequiredService<HoconSource>()));
        services.Insert(0, ServiceDescriptor.Singleton<IPostConfigureOptions<CertificatesOptions>>(provider => provider.GetRequiredService<HoconSource>()));
    }
}
