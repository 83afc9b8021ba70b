namespace CertActors.Holding;

/// <summary>Counts what happens to peers, and has the owner of the holder report it: the first time at once, then as often as the owner takes it.</summary>
/// <param name="tellOwner">Tells the owner that there is something to take.</param>
internal sealed class RareReport<T>(Action tellOwner)
    where T : class
{
    private T? _last;
    private long _count;
    private long _taken;
    private int _isReported;

    /// <summary>Adds one. Any thread may call it; nothing waits.</summary>
    public void Add(T last)
    {
        Interlocked.Increment(ref _count);
        Volatile.Write(ref _last, last);
        if (Interlocked.Exchange(ref _isReported, 1) == 0)
            tellOwner();
    }

    /// <summary>Takes what was added since the last call. For the owner only.</summary>
    /// <returns>How many, and the last of them; null if none was: then the next one is reported at once.</returns>
    public (long Count, T Last)? Take()
    {
        if (TakeNew() is { } taken)
            return taken;
        Volatile.Write(ref _isReported, 0);

        // One may have been added before the flag was reset, and not reported.
        var late = TakeNew();
        if (late is not null)
            Volatile.Write(ref _isReported, 1);
        return late;
    }

    private (long Count, T Last)? TakeNew()
    {
        var all = Interlocked.Read(ref _count);
        var count = all - _taken;

        // The first may be counted and not there yet.
        if (count == 0 || Volatile.Read(ref _last) is not { } last)
            return null;
        _taken = all;
        return (count, last);
    }
}
