using Akka.Event;

namespace CertActors.Holding;

/// <summary>To the supervisor that owns the holder: the last open connection of a superseded generation has closed.</summary>
/// <param name="Pair">The pair's name. It need not be a pair of this supervisor.</param>
internal sealed record GenerationUnused(string Pair) : IDeadLetterSuppression;

/// <summary>
/// Whether a generation is superseded, and how many connections are open on it. It outlives the certificate, whose key goes with its last connection.
/// Any thread may call it; nothing waits.
/// </summary>
internal sealed class GenerationUse(CertificateHolder holder, string pair, long generation)
{
    // The flags and the number of open connections are one word: whichever comes last, the swap or the end of the last connection, sees the other.
    private const int IsSupersededFlag = 1;
    private const int IsDrainedFlag = 2;
    private const int OneConnection = 4;

    private readonly Supersession _supersession = new();
    private int _state;

    public long Generation => generation;

    public int OpenConnections => Volatile.Read(ref _state) / OneConnection;

    /// <summary>When the next generation was swapped in. Valid once this one is superseded.</summary>
    public DateTimeOffset SupersededAt { get; private set; }

    /// <summary>Whether nothing serves it any more.</summary>
    public bool IsSuperseded => (Volatile.Read(ref _state) & IsSupersededFlag) != 0;

    /// <summary>Whether it is drained, and no connection that a late handshake has begun is open any more.</summary>
    public bool IsOver => Volatile.Read(ref _state) == (IsSupersededFlag | IsDrainedFlag);

    public GenerationConnections Connections => new() { Generation = Generation, Open = OpenConnections, SupersededAt = IsSuperseded ? SupersededAt : null };

    public CancellationToken Superseded => _supersession.Token;

    public IDisposable BeginConnection()
    {
        holder.CountConnections();
        Interlocked.Add(ref _state, OneConnection);
        return new Connection(this);
    }

    /// <summary>The next generation is served.</summary>
    public void Supersede(DateTimeOffset at)
    {
        SupersededAt = at;
        Interlocked.Or(ref _state, IsSupersededFlag);
        _supersession.Supersede();
    }

    /// <returns>Whether the generation is superseded and has no open connection; true once.</returns>
    public bool TryDrain() =>
        Interlocked.CompareExchange(ref _state, IsSupersededFlag | IsDrainedFlag, IsSupersededFlag) == IsSupersededFlag;

    private void EndConnection()
    {
        // Of one that was drained before, by a late handshake, too: it may be followed until the last connection.
        if ((Interlocked.Add(ref _state, -OneConnection) & ~IsDrainedFlag) == IsSupersededFlag)
            holder.TellOwner(new GenerationUnused(pair));
    }

    private sealed class Connection(GenerationUse use) : IDisposable
    {
        private GenerationUse? _use = use;

        public void Dispose() => Interlocked.Exchange(ref _use, null)?.EndConnection();
    }
}
