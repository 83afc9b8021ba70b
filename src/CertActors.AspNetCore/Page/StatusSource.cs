namespace CertActors.AspNetCore.Page;

/// <summary>Asks the supervisor for its status. Any thread may call it.</summary>
internal sealed class StatusSource(ICertificates certificates, TimeProvider time)
{
    private static readonly TimeSpan TimeLimit = TimeSpan.FromSeconds(5);

    // Half of the time between two updates of a page: what happens is on each within 1.5 s.
    private static readonly TimeSpan MaxAge = TimeSpan.FromSeconds(0.5);

    private readonly Lock _lock = new();
    private Task<string?>? _body;
    private long _bodyAskedAt;

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
    /// Writes the status as HTML, once for all pages that ask within <see cref="MaxAge"/>: a status of thousands of pairs takes time, and the number of open
    /// pages adds nothing to it.
    /// </summary>
    /// <inheritdoc cref="GetAsync"/>
    public Task<string?> GetSharedBodyAsync(CancellationToken cancelled)
    {
        lock (_lock)
        {
            // While the supervisor is slow, it is asked once.
            if (_body is null || (_body.IsCompleted && time.GetElapsedTime(_bodyAskedAt) >= MaxAge))
                (_body, _bodyAskedAt) = (WriteBodyAsync(), time.GetTimestamp());
            return _body.WaitAsync(cancelled);
        }
    }

    private async Task<string?> WriteBodyAsync() =>
        await GetAsync(CancellationToken.None).ConfigureAwait(false) is { } document ? HtmlPage.Body(document) : null;
}
