using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Options;

namespace CertActors.Hosting;

/// <summary>Fails the start of a host whose certificate options are invalid, or whose certificates nothing loads.</summary>
internal sealed class StartCheck(IOptions<CertificatesOptions> options, SupervisorStart start) : IHostedLifecycleService
{
    // Not by ValidateOnStart, which makes an IOptionsMonitor: when the configuration changes and is invalid, that throws an exception in the thread of the
    // configuration's provider.
    public Task StartingAsync(CancellationToken cancellationToken)
    {
        _ = options.Value;
        return Task.CompletedTask;
    }

    // Whichever of the services is added first: all have started by now.
    public Task StartedAsync(CancellationToken cancellationToken) => start.IsStarted
        ? Task.CompletedTask
        : throw new InvalidOperationException(
            $"services.{nameof(CertificateHostingExtensions.AddCertificates)}(...) was called, but nothing loads the certificates: "
            + $"call services.AddAkka(name, akka => akka.{nameof(CertificateHostingExtensions.WithCertificates)}()) too.");

    public Task StartAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    public Task StoppingAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    public Task StopAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    public Task StoppedAsync(CancellationToken cancellationToken) => Task.CompletedTask;
}
