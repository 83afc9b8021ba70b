using CertActors.Diagnostics;

namespace CertActors.AspNetCore.Page;

/// <summary>Asks the supervisor for its status. Any thread may call it.</summary>
internal sealed class StatusSource(ICertificates certificates, TimeProvider time)
{
    private static readonly TimeSpan TimeLimit = TimeSpan.FromSeconds(5);

    // Half of the time between two updates of a page: what happens is on each within 1.5 s.
    private static readonly TimeSpan MaxAge = TimeSpan.FromSeconds(0.5);

    private readonly SharedAnswer<string?> _body = new(MaxAge);

    /// <returns>Null if the supervisor has stopped, or does not answer.</returns>
    public async Task<StatusDocument?> GetAsync(CancellationToken cancelled)
    {
        using var limit = CancellationTokenSource.CreateLinkedTokenSource(cancelled);
        limit.CancelAfter(TimeLimit);
        try
        {
            return StatusDocument.Of(await certificates.GetStatusAsync(limit.Token).ConfigureAwait(false), time.GetUtcNow());
        }
        catch (Exception error) when (error is InvalidOperationException or OperationCanceledException && !cancelled.IsCancellationRequested)
        {
            return null;
        }
    }

    /// <summary>
    /// Writes the status as HTML, once for all pages that ask within <see cref="MaxAge"/>: a status of thousands of pairs takes time.
    /// </summary>
    /// <inheritdoc cref="GetAsync"/>
    public Task<string?> GetSharedBodyAsync(CancellationToken cancelled) => _body.GetAsync(WriteBodyAsync, time.GetUtcNow(), cancelled);

    private async Task<string?> WriteBodyAsync() =>
        await GetAsync(CancellationToken.None).ConfigureAwait(false) is { } document ? HtmlPage.Body(document) : null;
}
