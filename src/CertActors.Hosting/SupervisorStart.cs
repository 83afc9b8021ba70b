using Akka;
using Akka.Actor;
using CertActors.Diagnostics;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Abstractions;
using Microsoft.Extensions.Options;

namespace CertActors.Hosting;

/// <summary>Starts the supervisor of the host, and ends it with the actor system.</summary>
internal sealed class SupervisorStart(IServiceProvider services)
{
    private static readonly TimeSpan StopLimit = TimeSpan.FromSeconds(3);

    /// <summary>Whether <c>WithCertificates</c> was called, and the actor system has started.</summary>
    public bool IsStarted { get; private set; }

    private SafeLogger Log => new((services.GetService<ILoggerFactory>() ?? NullLoggerFactory.Instance).CreateLogger(Hosting.Log.Category));

    public async Task<IActorRef> StartAsync(ActorSystem system)
    {
        IsStarted = true;
        var options = services.GetRequiredService<IOptions<CertificatesOptions>>().Value;
        var supervisor = await CertificateSupervisor.StartAsync(
            system,
            services.GetRequiredService<CertificateHolder>(),
            options,
            services.GetService<ILoggerFactory>(),
            hooks: [.. services.GetServices<IRotationHook>()]).ConfigureAwait(false);
        var follower = new ConfigurationFollower(
            supervisor,
            options,
            services.GetRequiredService<IOptionsFactory<CertificatesOptions>>(),
            services.GetServices<IOptionsChangeTokenSource<CertificatesOptions>>(),
            services.GetRequiredService<IOptions<FollowerOptions>>().Value,
            services.GetService<TimeProvider>() ?? TimeProvider.System,
            Log);

        // The holder serves on, until the host has closed the last connection.
        var shutdown = CoordinatedShutdown.Get(system);
        shutdown.AddTask(CoordinatedShutdown.PhaseBeforeActorSystemTerminate, "stop-certificates", async () =>
        {
            follower.Dispose();
            await supervisor.GracefulStop(StopLimit).ConfigureAwait(false);
            return Done.Instance;
        });
        if (options.StopOnFailedFirstLoad)
            _ = StopApplicationAfterAsync(supervisor, shutdown);
        return supervisor;
    }

    /// <summary>Waits until every pair and trust bundle is served.</summary>
    /// <exception cref="CertificateNotLoadedException">They were not in time; the message names those that are missing.</exception>
    public Task WaitAsync(TimeSpan limit) => services.GetRequiredService<CertificateHolder>().WaitForAllAsync(
        limit, services.GetService<IHostApplicationLifetime>()?.ApplicationStopping ?? CancellationToken.None);

    // Without its supervisor, the application would go on listening, and serve some pairs for ever as they are.
    private async Task StopApplicationAfterAsync(IActorRef supervisor, CoordinatedShutdown shutdown)
    {
        await supervisor.WatchAsync().ConfigureAwait(false);
        if (shutdown.ShutdownReason is not null)
            return;
        Log.SupervisorStopped();
        services.GetService<IHostApplicationLifetime>()?.StopApplication();
    }
}
