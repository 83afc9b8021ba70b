using System.Diagnostics.CodeAnalysis;
using Akka.Actor;

namespace CertActors;

/// <summary>Asks the supervisor whose reference it has.</summary>
/// <param name="supervisor">A <see cref="CertificateSupervisor"/> of this process.</param>
/// <example><code>
/// var certificates = new CertificatesClient(await CertificateSupervisor.StartAsync(system, holder, options));
/// var status = await certificates.GetStatusAsync(cancellationToken);
/// </code></example>
public sealed class CertificatesClient(IActorRef supervisor) : ICertificates
{
    private readonly IActorRef _supervisor = supervisor ?? throw new ArgumentNullException(nameof(supervisor));

    /// <inheritdoc/>
    public Task<CertificateSupervisorStatus> GetStatusAsync(CancellationToken cancellationToken = default) =>
        AskAsync<CertificateSupervisorStatus>(GetStatus.Instance, cancellationToken);

    /// <inheritdoc/>
    public Task<ReloadNowResult> ReloadAsync(string? name = null, CancellationToken cancellationToken = default) =>
        AskAsync<ReloadNowResult>(new ReloadNow(name), cancellationToken);

    // An actor that has stopped answers nothing, and a question without a time limit would wait for ever.
    [SuppressMessage("ApiDesign", "RS0030", Justification = "Without a time limit, it reads no clock.")]
    private async Task<T> AskAsync<T>(object question, CancellationToken cancellationToken)
    {
        using var ended = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        var answer = _supervisor.Ask<T>(question, Timeout.InfiniteTimeSpan, ended.Token);
        var stopped = _supervisor.WatchAsync(ended.Token);
        try
        {
            await Task.WhenAny(answer, stopped).ConfigureAwait(false);
            if (answer.IsCompleted || cancellationToken.IsCancellationRequested)
                return await answer.ConfigureAwait(false);
            throw new InvalidOperationException($"The certificate supervisor {_supervisor.Path} has stopped.");
        }
        finally
        {
            await ended.CancelAsync().ConfigureAwait(false);
        }
    }
}
