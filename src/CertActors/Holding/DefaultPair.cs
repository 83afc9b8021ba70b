namespace CertActors.Holding;

/// <summary>
/// Which pair of a holder is the default, and whose certificate is served as the default: that of another pair, or of one that was removed, until the
/// default is loaded.
/// </summary>
/// <param name="publish">Serves a certificate as the default; null for none. Called under the lock, so that the last call wins.</param>
/// <param name="reportUnused">Reports the name of a pair whose certificate is the default no more, after the pair has stopped serving it. Called under the lock.</param>
internal sealed class DefaultPair(Action<ServingCertificate?> publish, Action<string> reportUnused)
{
    // Each pair has a writer of its own. They take turns, and readers never wait.
    private readonly Lock _lock = new();
    private volatile CertificateCell? _cell;
    private CertificateCell? _source;

    // The certificate that is served as the default while it has no source, as its pair was removed or is not for servers any more. The time is that from which on its pair
    // doesn't serve it either; null if it does. It is superseded once neither serves it.
    private (ServingCertificate Certificate, DateTimeOffset? At, bool IsRemoved)? _leaving;

    /// <summary>The cell of the default pair, loaded or not; null if there is none.</summary>
    public CertificateCell? Cell => _cell;

    /// <summary>The cell whose certificate is served as the default: that of the default pair, once that is loaded. For the owner only.</summary>
    public CertificateCell? Source => _source;

    /// <summary>The certificate that is served as the default, if its pair was removed; null otherwise.</summary>
    public ServingCertificate? Removed
    {
        get
        {
            lock (_lock)
                return _leaving is { IsRemoved: true } leaving ? leaving.Certificate : null;
        }
    }

    /// <summary>Makes a pair the default. Until it is loaded, what was served as the default continues to be served.</summary>
    /// <param name="next">The pair's cell; null if there is no default any more, and so nothing is served as it.</param>
    public void Set(CertificateCell? next)
    {
        lock (_lock)
        {
            _cell = next;
            if (next is null)
                EndLeaving(at: null);
            Update();
        }
    }

    /// <summary>A cell serves its next certificate: it is served as the default, if it is the default's, and its last one is superseded.</summary>
    /// <returns>Whether it is the default's.</returns>
    public bool Publish(CertificateCell cell, ServingCertificate? previous)
    {
        lock (_lock)
        {
            if (cell.IsForServers && cell.Name == _leaving?.Certificate.Name)
                _source = cell;
            var isCurrent = cell == _cell || cell == _source;
            if (isCurrent)
                Update();
            if (previous is not null)
                Supersede(previous, cell.Serving!.Announcement.At);
            return isCurrent;
        }
    }

    /// <summary>Puts a cell of the same pair in the place of another one.</summary>
    public void Replace(CertificateCell last, CertificateCell next)
    {
        lock (_lock)
        {
            if (last == _source)
            {
                if (next.IsForServers)
                    _source = next;
                else
                    (_source, _leaving) = (null, (last.Serving!, null, false));
            }

            if (last == _cell)
                _cell = next;
            Update();
        }
    }

    /// <summary>A pair is removed, and its certificate superseded: at once, or when the next default is loaded.</summary>
    /// <param name="removed">The pair's cell.</param>
    /// <param name="now">The time.</param>
    /// <param name="untilNextDefault">Whether its certificate, if it is served as the default, stays until the next default is loaded, also if there is none yet.</param>
    /// <param name="next">The next default, if the pair is the default; null for none.</param>
    public void Remove(CertificateCell removed, DateTimeOffset now, bool untilNextDefault, CertificateCell? next)
    {
        lock (_lock)
        {
            if (removed == _source)
                (_source, _leaving) = (null, (removed.Serving!, null, false));
            if (_leaving is { } leaving && leaving.Certificate.Name == removed.Name)
            {
                _leaving = leaving with { IsRemoved = true };
                if (!untilNextDefault)
                    EndLeaving(now);
            }

            if (removed.Serving is { } served)
                Supersede(served, now);
            if (removed == _cell)
                _cell = next;
            Update();
        }
    }

    /// <summary>Serves a certificate no more as the default, if its pair was removed before, or is not for servers any more.</summary>
    /// <returns>Whether it was served so.</returns>
    public bool RemoveLeaving(string name, DateTimeOffset now)
    {
        lock (_lock)
        {
            if (_leaving?.Certificate.Name != name)
                return false;
            EndLeaving(now);
            Update();
            return true;
        }
    }

    // This and all below: under the lock.
    private void Update()
    {
        if (_cell is null || _cell.Default is not null)
            _source = _cell;
        if (_source is null && _leaving is { } leaving)
        {
            publish(leaving.Certificate);
            return;
        }

        var current = _source?.Default;
        publish(current);
        EndLeaving(current?.Announcement.At);
    }

    // What is current without its pair is superseded when another one is current.
    private void Supersede(ServingCertificate last, DateTimeOffset at)
    {
        if (_leaving is { } leaving && leaving.Certificate == last)
            _leaving = leaving with { At = at };
        else
            last.Use.Supersede(at);
    }

    private void EndLeaving(DateTimeOffset? at)
    {
        var ended = _leaving;
        _leaving = null;
        if (ended is not ({ } last, { } left, _))
            return;
        last.Use.Supersede(at > left ? at.Value : left);
        reportUnused(last.Name);
    }
}
