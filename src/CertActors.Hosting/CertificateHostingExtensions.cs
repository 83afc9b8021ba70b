using Akka.Hosting;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.DependencyInjection.Extensions;
using Microsoft.Extensions.Logging;

namespace CertActors.Hosting;

/// <summary>Adds certificates to a server that is configured with Akka.Hosting.</summary>
public static class CertificateHostingExtensions
{
    /// <summary>
    /// Registers the pairs and the <see cref="CertificateHolder"/> that serves them. The pair with <see cref="CertificateOptions.IsDefault"/>, otherwise
    /// the first for servers, is the default.
    /// </summary>
    /// <inheritdoc cref="AddCertificates(IServiceCollection, CertificateSupervisorOptions)"/>
    public static IServiceCollection AddCertificates(this IServiceCollection services, params CertificateOptions[] certificates) =>
        services.AddCertificates(new CertificateSupervisorOptions { Certificates = certificates });

    /// <summary>Registers the options and the <see cref="CertificateHolder"/>; <see cref="WithCertificates"/> starts their supervisor.</summary>
    /// <param name="services">The host's services.</param>
    /// <param name="options">The pairs.</param>
    /// <returns>The host's services.</returns>
    /// <exception cref="CertificateOptionsException">The options are invalid; every error is listed.</exception>
    /// <exception cref="InvalidOperationException">It was called before; add all pairs in one call.</exception>
    public static IServiceCollection AddCertificates(this IServiceCollection services, CertificateSupervisorOptions options)
    {
        ArgumentNullException.ThrowIfNull(services);
        ArgumentNullException.ThrowIfNull(options);
        if (services.Any(service => service.ServiceType == typeof(CertificateSupervisorOptions)))
            throw new InvalidOperationException($"{nameof(AddCertificates)} was called before; add all pairs in one call.");

        services.TryAddSingleton(provider => new CertificateHolder(provider.GetService<TimeProvider>()));
        return services.AddSingleton(options.Validated());
    }

    /// <summary>
    /// Starts the <see cref="CertificateSupervisor"/> as <c>/user/certificates</c>, and registers it in the <see cref="ActorRegistry"/> under its type.
    /// It doesn't wait for the first load: a server that must not listen earlier awaits <see cref="CertificateHolder.WaitForFirstAsync"/>.
    /// Each <see cref="IRotationHook"/> that is registered in the services takes part.
    /// </summary>
    /// <remarks>
    /// The start of the actor system fails with <see cref="InvalidOperationException"/> if <c>AddCertificates</c> wasn't called, and with
    /// <see cref="CertificateHolderInUseException"/> if another supervisor owns the holder.
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
            var supervisor = await CertificateSupervisor.StartAsync(
                system,
                resolver.GetService<CertificateHolder>(),
                options,
                resolver.GetService<ILoggerFactory>(),
                hooks: [.. resolver.GetService<IEnumerable<IRotationHook>>() ?? []]).ConfigureAwait(false);
            registry.Register<CertificateSupervisor>(supervisor);
        });
    }
}
