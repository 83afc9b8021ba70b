namespace CertActors.Scheduling;

/// <summary>Waits that double, from the first to the longest.</summary>
internal sealed class Backoff(TimeSpan first, TimeSpan max)
{
    private TimeSpan? _next;

    public TimeSpan Next()
    {
        var now = _next ?? first;
        _next = now * 2 < max ? now * 2 : max;
        return now;
    }

    public void Reset() => _next = null;
}
