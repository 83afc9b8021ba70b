namespace CertActors.AspNetCore;

/// <summary>What is done with a connection of a superseded generation, in this order.</summary>
internal enum DrainStep
{
    /// <summary>It is asked to close as soon as its client sends something.</summary>
    Notice,

    /// <summary>It is asked to close.</summary>
    Ask,

    /// <summary>It is aborted.</summary>
    Abort,
}

/// <summary>
/// The open connections at one endpoint that one swap ends, and when they are due: those of one generation of a certificate, once it is superseded, or
/// those of clients that a new generation of a trust bundle refuses. All times count from the swap. Used under the lock of its
/// <see cref="CertificateDrain"/>.
/// </summary>
/// <param name="drain">The drain of the endpoint.</param>
/// <param name="options">Valid.</param>
/// <param name="name">The name of the pair or the trust bundle.</param>
/// <param name="number">The number of its generation.</param>
internal sealed class GenerationDrain(CertificateDrain drain, CertificateDrainOptions options, string name, long number)
{
    // Notice is given over the first three quarters of the window, so that the last connection has a quarter, too.
    private const int PartsOfWindow = 4;

    private readonly LinkedList<DrainedConnection> _open = [];
    private readonly LinkedList<DrainedConnection> _noticed = [];
    private readonly LinkedList<DrainedConnection> _asked = [];
    private readonly TimeSpan _noticePeriod = options.DrainWindow / PartsOfWindow;
    private readonly TimeSpan _lastNotice = options.GracePeriod + (options.DrainWindow * (PartsOfWindow - 1) / PartsOfWindow);

    // What is left of the time for notices is divided into as many slots as connections have none. Each is given notice somewhere in its slot.
    private TimeSpan _nextSlot = options.GracePeriod;
    private TimeSpan? _nextNotice;

    public CertificateDrain Drain => drain;

    /// <summary>The certificate of the generation; null if the clients are refused.</summary>
    public ServingCertificate? Certificate { get; init; }

    public string Name => name;

    public long Number => number;

    public IEnumerable<DrainedConnection> Connections => _open.Concat(_noticed).Concat(_asked);

    /// <summary>The timestamp of the swap; null while the generation is served.</summary>
    public long? SupersededAt { get; set; }

    /// <summary>How many connections were aborted and aren't reported yet.</summary>
    public int Aborted { get; set; }

    public bool IsEmpty => _open.Count + _noticed.Count + _asked.Count == 0;

    public void Add(DrainedConnection connection) => _open.AddLast(connection.Node);

    /// <summary>Makes a connection due at once, whether it is in this drain or in none.</summary>
    public void AddDue(DrainedConnection connection)
    {
        connection.Node.List?.Remove(connection.Node);
        connection.GiveNotice(TimeSpan.Zero);
        _noticed.AddFirst(connection.Node);
    }

    /// <returns>When <see cref="Take"/> has something to do; null if never.</returns>
    public TimeSpan? Due()
    {
        TimeSpan? due = IsEmpty ? null : options.HardLimit;
        if (_noticed.First is { } noticed && !(due < noticed.Value.AskAt))
            due = noticed.Value.AskAt;
        if (_open.Count > 0 && !(due < NextNotice()))
            due = NextNotice();
        return due;
    }

    /// <summary>Takes one connection that is due. A notice is given at once; the caller does the rest.</summary>
    /// <returns>The connection and what is due; null if nothing is.</returns>
    public (DrainedConnection Connection, DrainStep Step)? Take(TimeSpan now)
    {
        if (now >= options.HardLimit && (_asked.First ?? _noticed.First ?? _open.First) is { } left)
        {
            left.List!.Remove(left);
            return (left.Value, DrainStep.Abort);
        }

        if (_open.First is { } open && NextNotice() <= now)
        {
            open.Value.GiveNotice(NextNotice() + _noticePeriod);
            _nextNotice = null;
            Move(open, _noticed);
            return (open.Value, DrainStep.Notice);
        }

        if (_noticed.First is { } noticed && noticed.Value.AskAt <= now)
        {
            Move(noticed, _asked);
            return (noticed.Value, DrainStep.Ask);
        }

        return null;
    }

    private TimeSpan NextNotice()
    {
        if (_nextNotice is { } next)
            return next;

        var slot = (_lastNotice - _nextSlot) / _open.Count;
        next = _nextSlot + (slot * Random.Shared.NextDouble());
        _nextSlot += slot;
        _nextNotice = next;
        return next;
    }

    private static void Move(LinkedListNode<DrainedConnection> node, LinkedList<DrainedConnection> to)
    {
        node.List!.Remove(node);
        to.AddLast(node);
    }
}
