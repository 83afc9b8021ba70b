namespace CertActors.Watching;

/// <summary>A path step of one or more pairs. Guarded by the lock of its <see cref="WatchTable"/>.</summary>
internal sealed class WatchedStep(WatchedDirectory directory, string name)
{
    // Thousands of steps belong to one pair each, so that the first pair has no list.
    private CertificateOptions? _first;
    private List<CertificateOptions>? _others;

    public WatchedDirectory Directory { get; } = directory;

    public string Name { get; } = name;

    /// <summary>Whether an event of it waits to be acknowledged.</summary>
    public bool IsPending { get; set; }

    public bool HasPairs => _first is not null;

    public CertificateOptions[] Pairs => _first is null ? [] : [_first, .. _others ?? []];

    public void Add(CertificateOptions pair)
    {
        if (_first is null)
            _first = pair;
        else
            (_others ??= []).Add(pair);
    }

    public void Remove(CertificateOptions pair)
    {
        if (!ReferenceEquals(_first, pair))
        {
            _others?.RemoveAll(other => ReferenceEquals(other, pair));
            return;
        }

        _first = _others?.LastOrDefault();
        if (_first is not null)
            _others!.RemoveAt(_others.Count - 1);
    }
}
