namespace CertActors.Holding;

/// <summary>Whether a newer generation is served, for those who wait for it. Any thread may call it; nothing waits.</summary>
internal sealed class Supersession
{
    private volatile bool _isSuperseded;

    // Created on demand, as most generations of ten thousand pairs need none.
    private CancellationTokenSource? _source;

    /// <summary>Cancelled when the generation is superseded. Callbacks run on the thread pool.</summary>
    public CancellationToken Token
    {
        get
        {
            var source = LazyInitializer.EnsureInitialized(ref _source, static () => new CancellationTokenSource());

            // The swap may have looked for the source before it was there.
            if (_isSuperseded)
                _ = source.CancelAsync();
            return source.Token;
        }
    }

    /// <summary>The next generation is served.</summary>
    public void Supersede()
    {
        _isSuperseded = true;
        Interlocked.MemoryBarrier(); // Either the source is seen here, or the flag where the source is created.

        // CancelAsync runs the callbacks on the thread pool. An exception of theirs is that of an unobserved task.
        _ = Volatile.Read(ref _source)?.CancelAsync();
    }
}
