namespace CertActors.Scheduling;

/// <summary>Waits that double, from the first to the longest.</summary>
internal sealed class Backoff(TimeSpan first, TimeSpan longest)
{
    private TimeSpan? _next;

    public TimeSpan Next()
    {
        var now = _next ?? first;
        _next = now * 2 < longest ? now * 2 : longest;
        return now;
    }

    public void Reset() => _next = null;
}
