using Akka.Event;

namespace CertActors.Holding;

/// <summary>To the supervisor that owns the holder: peers were refused by a trust bundle. Sent once until the bundle's refusals are taken.</summary>
internal sealed record PeersRefused(string Bundle) : IDeadLetterSuppression;

/// <summary>Counts the peers that a trust bundle refuses. Any thread may add to it; nothing waits.</summary>
internal sealed class PeerRefusals
{
    private readonly CertificateHolder _holder;
    private readonly string _bundle;
    private readonly long[] _counts = new long[Enum.GetValues<TrustRefusal>().Length];
    private TrustResult? _last;
    private int _isReported;
    private long _taken;

    public PeerRefusals(CertificateHolder holder, string bundle)
    {
        (_holder, _bundle) = (holder, bundle);
        Recorder = Add;
    }

    /// <summary>Counts a peer that was refused. One delegate for all handshakes.</summary>
    public Action<TrustResult> Recorder { get; }

    /// <summary>How many were refused, for each reason that has occurred.</summary>
    public IReadOnlyList<TrustRefusalCount> Counts =>
    [
        .. _counts.Select((_, i) => new TrustRefusalCount { Refusal = (TrustRefusal)i, Count = Volatile.Read(ref _counts[i]) }).Where(count => count.Count > 0),
    ];

    /// <summary>Takes what was refused since the last call. For the owner only.</summary>
    /// <returns>How many, and the last of them; null if none was: then the next one is reported at once.</returns>
    public (long Count, TrustResult Last)? Take()
    {
        if (TakeNew() is { } taken)
            return taken;
        Volatile.Write(ref _isReported, 0);

        // One may have been added before the flag was reset, and not reported.
        var late = TakeNew();
        if (late is not null)
            Volatile.Write(ref _isReported, 1);
        return late;
    }

    private void Add(TrustResult refused)
    {
        Interlocked.Increment(ref _counts[(int)refused.Refusal!.Value]);
        Volatile.Write(ref _last, refused);
        if (Interlocked.Exchange(ref _isReported, 1) == 0)
            _holder.TellOwner(new PeersRefused(_bundle));
    }

    private (long Count, TrustResult Last)? TakeNew()
    {
        var all = 0L;
        for (var i = 0; i < _counts.Length; i++)
            all += Interlocked.Read(ref _counts[i]);
        var count = all - _taken;
        _taken = all;
        return count > 0 && Volatile.Read(ref _last) is { } last ? (count, last) : null;
    }
}
