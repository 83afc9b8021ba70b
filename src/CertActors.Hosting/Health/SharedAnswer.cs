namespace CertActors.Diagnostics;

/// <summary>
/// An answer that all get who ask for it within some time: it takes time, and the number of those who ask adds nothing to it. While the answer is slow, it
/// is asked for once. Any thread may call it.
/// </summary>
/// <param name="maxAge">The time after which it is asked for again.</param>
internal sealed class SharedAnswer<T>(TimeSpan maxAge)
{
    private readonly Lock _lock = new();
    private Task<T>? _last;
    private DateTimeOffset _askedAt;

    /// <param name="ask">Asks for it. Nobody cancels it for the others.</param>
    /// <param name="now">The time.</param>
    /// <param name="cancelled">Ends this wait alone.</param>
    public Task<T> GetAsync(Func<Task<T>> ask, DateTimeOffset now, CancellationToken cancelled)
    {
        lock (_lock)
        {
            // After the clock was set back, the age is not known, and it is asked for.
            if (_last is null || (_last.IsCompleted && (now < _askedAt || now - _askedAt >= maxAge)))
                (_last, _askedAt) = (ask(), now);
            return _last.WaitAsync(cancelled);
        }
    }
}
