using CertActors.Disk;

namespace CertActors.Watching;

/// <summary>A path step of one or more watched files. Guarded by the lock of its <see cref="WatchTable"/>.</summary>
internal sealed class WatchedStep(WatchedDirectory directory, string name)
{
    // Thousands of steps have one user each, so that the first has no list.
    private WatchedFiles? _first;
    private List<WatchedFiles>? _others;

    public WatchedDirectory Directory { get; } = directory;

    public string Name { get; } = name;

    /// <summary>Whether an event of it waits to be acknowledged.</summary>
    public bool IsPending { get; set; }

    public bool HasUsers => _first is not null;

    /// <summary>Whose paths have the step.</summary>
    public WatchedFiles[] Users => _first is null ? [] : [_first, .. _others ?? []];

    public void Add(WatchedFiles user)
    {
        if (_first is null)
            _first = user;
        else
            (_others ??= []).Add(user);
    }

    public void Remove(WatchedFiles user)
    {
        if (!ReferenceEquals(_first, user))
        {
            _others?.Remove(user);
            return;
        }

        _first = _others?.LastOrDefault();
        if (_first is not null)
            _others!.RemoveAt(_others.Count - 1);
    }
}
