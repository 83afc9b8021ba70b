namespace CertActors.Holding;

/// <summary>Those who wait for something that has a name.</summary>
/// <remarks>
/// Each waits for names of its own, so that a swap among thousands at a start wakes only those whom it concerns. A handshake comes here, and takes the
/// lock for a moment, only if it has to wait for a load.
/// </remarks>
internal sealed class Waiters(StringComparer comparer)
{
    private readonly Lock _lock = new();
    private readonly Dictionary<string, HashSet<TaskCompletionSource>> _byName = new(comparer);

    /// <param name="names">What wakes the waiter. Several waiters may share a name.</param>
    /// <param name="isOver">Whether the wait is over. Evaluated at first, and whenever the waiter was woken.</param>
    /// <param name="limit">The time limit.</param>
    /// <param name="cancellationToken">Cancels the wait.</param>
    /// <returns>Whether the wait is over; false if the time limit has passed.</returns>
    public async Task<bool> WaitUntilAsync(IReadOnlyList<string> names, Func<bool> isOver, TimeLimit limit, CancellationToken cancellationToken)
    {
        while (true)
        {
            // A change before the check is seen by it, and a change after it wakes the waiter.
            var woken = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
            Add(names, woken);
            try
            {
                if (isOver())
                    return true;
                await limit.WaitAsync(woken.Task, cancellationToken).ConfigureAwait(false);
            }
            catch (TimeoutException)
            {
                return false;
            }
            finally
            {
                Remove(names, woken);
            }
        }
    }

    public void Wake(IEnumerable<string> names)
    {
        lock (_lock)
        {
            if (_byName.Count == 0)
                return;
            foreach (var name in names)
                Wake(_byName.GetValueOrDefault(name) ?? []);
        }
    }

    public void WakeAll()
    {
        lock (_lock)
            Wake(_byName.Values.SelectMany(waiters => waiters));
    }

    private static void Wake(IEnumerable<TaskCompletionSource> waiters)
    {
        foreach (var waiter in waiters)
            waiter.TrySetResult();
    }

    private void Add(IReadOnlyList<string> names, TaskCompletionSource waiter)
    {
        lock (_lock)
        {
            foreach (var name in names)
            {
                if (!_byName.TryGetValue(name, out var waiters))
                    _byName[name] = waiters = [];
                waiters.Add(waiter);
            }
        }
    }

    private void Remove(IReadOnlyList<string> names, TaskCompletionSource waiter)
    {
        lock (_lock)
        {
            foreach (var name in names)
            {
                if (_byName.TryGetValue(name, out var waiters) && waiters.Remove(waiter) && waiters.Count == 0)
                    _byName.Remove(name);
            }
        }
    }
}
