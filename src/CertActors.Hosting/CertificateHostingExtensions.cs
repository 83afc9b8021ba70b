using Akka.Hosting;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.DependencyInjection.Extensions;
using Microsoft.Extensions.Logging;

namespace CertActors.Hosting;

/// <summary>Certificates for a server that is put together with Akka.Hosting.</summary>
public static class CertificateHostingExtensions
{
    /// <summary>Registers the pairs and the <see cref="CertificateHolder"/> that serves them. The first pair is the default.</summary>
    /// <inheritdoc cref="AddCertificates(IServiceCollection, CertificateSupervisorOptions)"/>
    public static IServiceCollection AddCertificates(this IServiceCollection services, params CertificateOptions[] certificates) =>
        services.AddCertificates(new CertificateSupervisorOptions { Certificates = certificates });

    /// <summary>Registers the options and the <see cref="CertificateHolder"/>; <see cref="WithCertificates"/> spawns the supervisor on them.</summary>
    /// <param name="services">The host's services.</param>
    /// <param name="options">The pairs.</param>
    /// <returns>The host's services.</returns>
    /// <exception cref="CertificateOptionsException">The options can't be used; every error is named.</exception>
    /// <exception cref="InvalidOperationException">It was called before: all pairs go into one call.</exception>
    public static IServiceCollection AddCertificates(this IServiceCollection services, CertificateSupervisorOptions options)
    {
        ArgumentNullException.ThrowIfNull(services);
        ArgumentNullException.ThrowIfNull(options);
        if (services.Any(service => service.ServiceType == typeof(CertificateSupervisorOptions)))
            throw new InvalidOperationException($"{nameof(AddCertificates)} was called before; give it all pairs in one call.");

        services.TryAddSingleton(provider => new CertificateHolder(provider.GetService<TimeProvider>()));
        return services.AddSingleton(options.Checked());
    }

    /// <summary>
    /// Spawns the <see cref="CertificateSupervisor"/> as <c>/user/certificates</c>, and registers it in the <see cref="ActorRegistry"/> under its type.
    /// It doesn't wait for the first load: a server that must not listen before it awaits <see cref="CertificateHolder.WaitForFirstAsync"/>.
    /// </summary>
    /// <remarks>
    /// What fails the start is named by it: <see cref="InvalidOperationException"/> where <c>AddCertificates</c> wasn't called, and
    /// <see cref="CertificateHolderInUseException"/> where another supervisor owns the holder.
    /// </remarks>
    /// <param name="builder">The actor system's builder.</param>
    /// <returns>The actor system's builder.</returns>
    public static AkkaConfigurationBuilder WithCertificates(this AkkaConfigurationBuilder builder)
    {
        ArgumentNullException.ThrowIfNull(builder);
        return builder.WithActors(async (system, registry, resolver) =>
        {
            var options = resolver.GetService<CertificateSupervisorOptions>()
                ?? throw new InvalidOperationException($"{nameof(WithCertificates)} finds no pairs: call services.{nameof(AddCertificates)}(...) too.");
            var certificates = CertificateSupervisor.RegistryOf(
                resolver.GetService<CertificateHolder>(), options, resolver.GetService<ILoggerFactory>());

            var supervisor = system.ActorOf(CertificateSupervisor.Props(certificates), CertificateSupervisor.DefaultName);
            await certificates.Started.Task.ConfigureAwait(false);
            registry.Register<CertificateSupervisor>(supervisor);
        });
    }
}
