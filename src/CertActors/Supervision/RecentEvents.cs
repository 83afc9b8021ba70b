namespace CertActors.Supervision;

/// <summary>The last events that were announced, for whoever asks what has happened.</summary>
internal sealed class RecentEvents
{
    private const int Capacity = 100;

    private readonly Queue<CertificateEvent> _events = new();

    /// <summary>The newest is the last.</summary>
    public IReadOnlyList<CertificateEvent> All => [.. _events];

    public void Add(CertificateEvent next)
    {
        if (_events.Count == Capacity)
            _events.Dequeue();
        _events.Enqueue(next);
    }
}
