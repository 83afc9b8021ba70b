namespace CertActors.Scheduling;

/// <summary>Delays that double, from the first to the longest.</summary>
internal sealed class Backoff(TimeSpan first, TimeSpan max)
{
    private TimeSpan? _next;

    public TimeSpan Next()
    {
        var delay = _next ?? first;
        _next = delay * 2 < max ? delay * 2 : max;
        return delay;
    }

    public void Reset() => _next = null;
}
