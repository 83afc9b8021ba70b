using Akka.Hosting;
using Microsoft.Extensions.DependencyInjection;

namespace CertActors.Hosting;

/// <summary>Asks the supervisor that the host starts, once it is started.</summary>
internal sealed class HostedCertificates(IServiceProvider services) : ICertificates
{
    public async Task<CertificateSupervisorStatus> GetStatusAsync(CancellationToken cancellationToken = default) =>
        await (await ClientAsync(cancellationToken).ConfigureAwait(false)).GetStatusAsync(cancellationToken).ConfigureAwait(false);

    public async Task<ReloadNowResult> ReloadAsync(string? name = null, CancellationToken cancellationToken = default) =>
        await (await ClientAsync(cancellationToken).ConfigureAwait(false)).ReloadAsync(name, cancellationToken).ConfigureAwait(false);

    private async Task<CertificatesClient> ClientAsync(CancellationToken cancellationToken) =>
        new(await services.GetRequiredService<ActorRegistry>().GetAsync<CertificateSupervisor>(cancellationToken).ConfigureAwait(false));
}
