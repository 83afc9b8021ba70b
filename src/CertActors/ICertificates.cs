namespace CertActors;

/// <summary>Asks the certificate supervisor, for code that isn't an actor.</summary>
/// <example><code>
/// app.MapGet("/status", (ICertificates certificates, CancellationToken cancelled) => certificates.GetStatusAsync(cancelled));
/// </code></example>
public interface ICertificates
{
    /// <summary>The state of every pair and trust bundle: see <see cref="GetStatus"/>.</summary>
    /// <param name="cancellationToken">Cancels the wait. Without it, the answer is awaited until the supervisor stops.</param>
    /// <returns>The state.</returns>
    /// <exception cref="InvalidOperationException">The supervisor has stopped.</exception>
    /// <exception cref="OperationCanceledException">The wait was cancelled.</exception>
    Task<CertificateSupervisorStatus> GetStatusAsync(CancellationToken cancellationToken = default);

    /// <summary>Loads at once, without a file event: see <see cref="ReloadNow"/>.</summary>
    /// <param name="name">The name of a pair or trust bundle; null for all.</param>
    /// <param name="cancellationToken">Cancels the wait; the loads go on.</param>
    /// <returns>How each load has ended. A load that is rejected is no exception.</returns>
    /// <exception cref="InvalidOperationException">The supervisor has stopped.</exception>
    /// <exception cref="OperationCanceledException">The wait was cancelled.</exception>
    Task<ReloadNowResult> ReloadAsync(string? name = null, CancellationToken cancellationToken = default);
}
