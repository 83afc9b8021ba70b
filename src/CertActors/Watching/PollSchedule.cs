namespace CertActors.Watching;

/// <summary>
/// When each pair is polled. Its clock adds up the time by which the given one has advanced, so that a clock that is set back delays no poll.
/// </summary>
internal sealed class PollSchedule(Func<DateTimeOffset> now)
{
    // Pairs that are due within this fraction of their interval are polled together.
    private const int EarlyFraction = 100;

    private readonly PriorityQueue<WatchedPair, TimeSpan> _queue = new();
    private DateTimeOffset _last = now();
    private TimeSpan _elapsed;

    /// <summary>The time until the first poll is due.</summary>
    public TimeSpan Wait
    {
        get
        {
            DropStale();
            return Max(_queue.TryPeek(out _, out var due) ? due - Elapsed() : TimeSpan.Zero, TimeSpan.Zero);
        }
    }

    /// <summary>Plans the next poll of the pair, instead of the one that was planned before.</summary>
    public void Plan(WatchedPair pair, TimeSpan wait)
    {
        pair.NextPoll = Elapsed() + wait;
        _queue.Enqueue(pair, pair.NextPoll);
    }

    /// <summary>Plans the next poll of a pair that was just taken. Missed polls are skipped; the pair keeps its place in the interval.</summary>
    public void Repeat(WatchedPair pair)
    {
        var interval = pair.PollInterval;
        var late = Elapsed() - pair.NextPoll;
        var turns = late < TimeSpan.Zero ? 1 : Math.Floor(late / interval) + 1;
        Plan(pair, (turns * interval) - late);
    }

    /// <summary>Takes the first pair, which has become due, and all pairs that are nearly due.</summary>
    public List<WatchedPair> Take()
    {
        DropStale();
        List<WatchedPair> taken = [];
        if (_queue.TryPeek(out _, out var first))
            _elapsed = Max(Elapsed(), first);
        while (_queue.TryPeek(out var pair, out var due) && due - (pair.PollInterval / EarlyFraction) <= _elapsed)
        {
            _queue.Dequeue();
            taken.Add(pair);
            DropStale();
        }

        return taken;
    }

    private TimeSpan Elapsed()
    {
        var time = now();
        if (time > _last)
            _elapsed += time - _last;
        _last = time;
        return _elapsed;
    }

    private void DropStale()
    {
        while (_queue.TryPeek(out var pair, out var due) && due != pair.NextPoll)
            _queue.Dequeue();
    }

    private static TimeSpan Max(TimeSpan one, TimeSpan other) => one > other ? one : other;
}
