using Akka.Event;

namespace CertActors.Holding;

/// <summary>To the supervisor that owns the holder: peers were refused by a trust bundle. Sent once until the bundle's refusals are taken.</summary>
internal sealed record PeersRefused(string Bundle) : IDeadLetterSuppression;

/// <summary>Counts the peers that a trust bundle refuses. Any thread may add to it; nothing waits.</summary>
internal sealed class PeerRefusals
{
    private readonly long[] _counts = new long[Enum.GetValues<TrustRefusal>().Length];

    public PeerRefusals(CertificateHolder holder, string bundle)
    {
        var refused = new PeersRefused(bundle);
        Report = new(() => holder.TellOwner(refused));
        Recorder = Add;
    }

    public RareReport<TrustResult> Report { get; }

    /// <summary>Counts a peer that was refused. One delegate for all handshakes.</summary>
    public Action<TrustResult> Recorder { get; }

    /// <summary>How many were refused, for each reason that has occurred.</summary>
    public IReadOnlyList<TrustRefusalCount> Counts =>
    [
        .. _counts.Select((_, i) => new TrustRefusalCount { Refusal = (TrustRefusal)i, Count = Volatile.Read(ref _counts[i]) }).Where(count => count.Count > 0),
    ];

    private void Add(TrustResult refused)
    {
        Interlocked.Increment(ref _counts[(int)refused.Refusal!.Value]);
        Report.Add(refused);
    }
}
