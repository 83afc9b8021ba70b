using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using CertActors.Diagnostics;

namespace CertActors.Holding;

/// <summary>Counts the peers that lead to one certificate of a trust bundle. Any thread may call it; nothing waits.</summary>
/// <remarks>
/// The ten peers that expire first are listed. A handshake allocates nothing for a peer that is listed, or that expires later. For any other peer, it replaces
/// the list as a whole, and tries again if another handshake has replaced it meanwhile: whenever one has to try again, another one has succeeded.
/// </remarks>
internal sealed class AuthorityUse(CertificateFacts authority, DateTimeOffset since)
{
    private const int MaxPeers = 10;
    private const int MaxSubjectLength = 200;

    private static readonly long Window = TimeSpan.FromDays(1).Ticks;

    // In the order of their ends.
    private Peer[] _peers = [];
    private long _handshakes;

    // UTC ticks; 0 before the first.
    private long _lastSeen;

    private sealed class Peer(byte[] serial, string subject, DateTime notAfter, long lastSeen)
    {
        private long _lastSeen = lastSeen;

        public string Subject => subject;

        public DateTime NotAfter => notAfter;

        // UTC ticks. Handshakes of one peer at the same time may set it in any order.
        public long LastSeen
        {
            get => Volatile.Read(ref _lastSeen);
            set => Volatile.Write(ref _lastSeen, value);
        }

        public bool Is(X509Certificate2 leaf) => leaf.SerialNumberBytes.Span.SequenceEqual(serial);
    }

    public CertificateFacts Authority => authority;

    public void Add(X509Certificate2 leaf, DateTimeOffset now)
    {
        var at = now.UtcTicks;
        Interlocked.Increment(ref _handshakes);
        Volatile.Write(ref _lastSeen, at);

        var notAfter = leaf.NotAfter.ToUniversalTime();
        var peers = Volatile.Read(ref _peers);
        if (!IsListed(peers, leaf, notAfter, at))
            Insert(peers, leaf, notAfter, at);
    }

    public AcceptedPeers At(DateTimeOffset now)
    {
        var lastSeen = Volatile.Read(ref _lastSeen);
        return new AcceptedPeers
        {
            Authority = authority,
            Since = since,
            Handshakes = Interlocked.Read(ref _handshakes),
            LastSeen = lastSeen == 0 ? null : TimeOf(lastSeen),
            SoonestToExpire =
            [
                .. Volatile.Read(ref _peers).Where(peer => !IsForgotten(peer, now.UtcTicks))
                    .Select(peer => new SeenPeer { Subject = peer.Subject, NotAfter = peer.NotAfter, LastSeen = TimeOf(peer.LastSeen) }),
            ],
        };
    }

    private static string SubjectOf(X509Certificate2 leaf)
    {
        try
        {
            var subject = leaf.Subject;
            return Printable.Of(subject.Length <= MaxSubjectLength ? subject : subject[..MaxSubjectLength]);
        }
        catch (CryptographicException)
        {
            return "a subject that cannot be decoded"; // It was accepted nevertheless.
        }
    }

    /// <returns>Whether the peer has its place in the list, and was seen now, or expires too late for one.</returns>
    private static bool IsListed(Peer[] peers, X509Certificate2 leaf, DateTime notAfter, long now)
    {
        var hasRoom = peers.Length < MaxPeers;
        foreach (var peer in peers)
        {
            // The authority gives no serial number twice (RFC 5280, 4.1.2.2); one of an intermediate below it may, and hardly with the same end.
            if (peer.NotAfter == notAfter && peer.Is(leaf))
            {
                peer.LastSeen = now;
                return true;
            }

            hasRoom |= IsForgotten(peer, now);
        }

        return !hasRoom && notAfter >= peers[^1].NotAfter;
    }

    // A certificate that was renewed is seen no more, and makes room a day later.
    private static bool IsForgotten(Peer peer, long now) => now - peer.LastSeen > Window;

    private static DateTimeOffset TimeOf(long ticks) => new(ticks, TimeSpan.Zero);

    private void Insert(Peer[] peers, X509Certificate2 leaf, DateTime notAfter, long now)
    {
        var added = new Peer(leaf.SerialNumberBytes.ToArray(), SubjectOf(leaf), notAfter, now);
        while (true)
        {
            // A forgotten peer that is seen again at this very moment may be left out, until its next handshake.
            Peer[] next = [.. peers.Where(peer => !IsForgotten(peer, now)).Append(added).OrderBy(peer => peer.NotAfter).Take(MaxPeers)];
            var present = Interlocked.CompareExchange(ref _peers, next, peers);
            if (ReferenceEquals(present, peers) || IsListed(present, leaf, notAfter, now))
                return;
            peers = present;
        }
    }
}
