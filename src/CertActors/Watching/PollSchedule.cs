namespace CertActors.Watching;

/// <summary>
/// When files are polled. Its clock adds up the time by which the given one has advanced, so that a clock that is set back delays no poll.
/// </summary>
internal sealed class PollSchedule(Func<DateTimeOffset> now)
{
    // Files that are due within this fraction of their interval are polled together.
    private const int EarlyFraction = 100;

    // Each plan has a number. An entry whose number is no longer that of its files' plan is stale.
    private readonly PriorityQueue<(WatchState Watch, long Plan), TimeSpan> _queue = new();
    private long _plans;
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

    /// <summary>Plans the next poll, instead of the one that was planned before.</summary>
    public void Plan(WatchState watch, TimeSpan wait)
    {
        watch.NextPoll = Elapsed() + wait;
        watch.PollPlan = ++_plans;
        _queue.Enqueue((watch, watch.PollPlan), watch.NextPoll);
    }

    /// <summary>Plans no further poll, and forgets the files.</summary>
    public void Remove(WatchState watch)
    {
        foreach (var (entry, _) in _queue.UnorderedItems.Where(item => item.Element.Watch == watch).ToArray())
            _queue.Remove(entry, out _, out _);
    }

    /// <summary>Plans the next poll of files that were just taken. Missed polls are skipped; the files keep their place in the interval.</summary>
    public void Repeat(WatchState watch)
    {
        var interval = watch.PollInterval;
        var late = Elapsed() - watch.NextPoll;
        var turns = late < TimeSpan.Zero ? 1 : Math.Floor(late / interval) + 1;
        Plan(watch, (turns * interval) - late);
    }

    /// <summary>Takes the first files, which have become due, and all that are nearly due.</summary>
    public List<WatchState> Take()
    {
        DropStale();
        List<WatchState> taken = [];
        if (_queue.TryPeek(out _, out var first))
            _elapsed = Max(Elapsed(), first);
        while (_queue.TryPeek(out var next, out var due) && due - (next.Watch.PollInterval / EarlyFraction) <= _elapsed)
        {
            _queue.Dequeue();
            taken.Add(next.Watch);
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
        while (_queue.TryPeek(out var next, out _) && next.Plan != next.Watch.PollPlan)
            _queue.Dequeue();
    }

    private static TimeSpan Max(TimeSpan one, TimeSpan other) => one > other ? one : other;
}
