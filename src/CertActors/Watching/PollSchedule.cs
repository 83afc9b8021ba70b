namespace CertActors.Watching;

/// <summary>
/// When which pair is polled. Its clock counts what the scheduler's has gained, so that one that is set back holds up no poll.
/// </summary>
internal sealed class PollSchedule(Func<DateTimeOffset> now)
{
    // Polls of pairs that are due within this part of their interval are one errand.
    private const int Early = 100;

    private readonly PriorityQueue<WatchedPair, TimeSpan> _queue = new();
    private DateTimeOffset _last = now();
    private TimeSpan _elapsed;

    /// <summary>How long until the first is due.</summary>
    public TimeSpan Wait
    {
        get
        {
            DropStale();
            return Max(_queue.TryPeek(out _, out var due) ? due - Elapsed() : TimeSpan.Zero, TimeSpan.Zero);
        }
    }

    /// <summary>The pair is polled after so long, in the place of what was planned for it.</summary>
    public void Plan(WatchedPair pair, TimeSpan wait)
    {
        pair.NextPoll = Elapsed() + wait;
        _queue.Enqueue(pair, pair.NextPoll);
    }

    /// <summary>The pair, just taken, is polled again in its turn; turns that were missed are left out, and the place in the interval is kept.</summary>
    public void Repeat(WatchedPair pair)
    {
        var interval = pair.PollInterval;
        var late = Elapsed() - pair.NextPoll;
        var turns = late < TimeSpan.Zero ? 1 : Math.Floor(late / interval) + 1;
        Plan(pair, (turns * interval) - late);
    }

    /// <summary>The first has become due: takes it, and all that are nearly due with it.</summary>
    public List<WatchedPair> Take()
    {
        DropStale();
        List<WatchedPair> taken = [];
        if (_queue.TryPeek(out _, out var first))
            _elapsed = Max(Elapsed(), first);
        while (_queue.TryPeek(out var pair, out var due) && due - (pair.PollInterval / Early) <= _elapsed)
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
