namespace CertActors.Holding;

/// <summary>A time limit for several waits in a row, which most handshakes create and do not need: a value, which allocates nothing.</summary>
internal readonly struct TimeLimit(TimeSpan limit, TimeProvider time)
{
    private readonly long _start = time.GetTimestamp();

    private TimeSpan Remaining =>
        limit > TimeSpan.Zero ? TimeSpan.FromTicks(Math.Max(0, (limit - time.GetElapsedTime(_start)).Ticks)) : limit;

    /// <exception cref="TimeoutException">The limit has passed.</exception>
    /// <exception cref="ArgumentOutOfRangeException">The limit is negative, or too long for a timer.</exception>
    /// <exception cref="OperationCanceledException">The wait was cancelled.</exception>
    public Task WaitAsync(Task task, CancellationToken cancellationToken) => task.WaitAsync(Remaining, time, cancellationToken);
}
