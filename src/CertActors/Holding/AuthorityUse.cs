using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using CertActors.Diagnostics;

namespace CertActors.Holding;

/// <summary>Counts the peers that lead to one certificate of a trust bundle. Any thread may call it.</summary>
/// <remarks>
/// A handshake holds the lock for well below a microsecond, and allocates nothing for a peer that is known, or that expires after the ten which expire
/// first. Its signatures alone take a thousand times as long.
/// </remarks>
internal sealed class AuthorityUse(CertificateFacts authority, DateTimeOffset since)
{
    private const int MaxPeers = 10;
    private const int MaxSubjectLength = 200;

    private static readonly TimeSpan Window = TimeSpan.FromDays(1);

    private readonly Lock _lock = new();

    // In the order of their ends.
    private readonly List<Peer> _peers = new(MaxPeers);
    private long _handshakes;
    private DateTimeOffset? _lastSeen;

    private sealed class Peer(ReadOnlyMemory<byte> serial, string subject, DateTimeOffset notAfter)
    {
        public ReadOnlyMemory<byte> Serial => serial;

        public string Subject => subject;

        public DateTimeOffset NotAfter => notAfter;

        public DateTimeOffset LastSeen { get; set; }
    }

    public CertificateFacts Authority => authority;

    public void Add(X509Certificate2 leaf, DateTimeOffset now)
    {
        var notAfter = leaf.NotAfter.ToUniversalTime();
        var serial = leaf.SerialNumberBytes;
        lock (_lock)
        {
            _handshakes++;
            _lastSeen = now;
            if (Find(serial.Span, notAfter) is { } known)
            {
                known.LastSeen = now;
                return;
            }

            if (_peers.Count == MaxPeers)
                Forget(now);
            if (_peers.Count == MaxPeers && notAfter >= _peers[^1].NotAfter)
                return;
            if (_peers.Count == MaxPeers)
                _peers.RemoveAt(MaxPeers - 1);
            Insert(new Peer(serial.ToArray(), SubjectOf(leaf), notAfter) { LastSeen = now });
        }
    }

    public AcceptedPeers At(DateTimeOffset now)
    {
        lock (_lock)
        {
            Forget(now);
            return new AcceptedPeers
            {
                Authority = authority,
                Since = since,
                Handshakes = _handshakes,
                LastSeen = _lastSeen,
                SoonestToExpire = [.. _peers.Select(peer => new SeenPeer { Subject = peer.Subject, NotAfter = peer.NotAfter, LastSeen = peer.LastSeen })],
            };
        }
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

    // The authority gives no serial number twice (RFC 5280, 4.1.2.2); one of an intermediate below it may, and hardly with the same end.
    private Peer? Find(ReadOnlySpan<byte> serial, DateTimeOffset notAfter)
    {
        foreach (var peer in _peers)
        {
            if (peer.NotAfter == notAfter && peer.Serial.Span.SequenceEqual(serial))
                return peer;
        }

        return null;
    }

    // A certificate that was renewed is seen no more, and makes room a day later.
    private void Forget(DateTimeOffset now)
    {
        for (var i = _peers.Count - 1; i >= 0; i--)
        {
            if (now - _peers[i].LastSeen > Window)
                _peers.RemoveAt(i);
        }
    }

    private void Insert(Peer added)
    {
        var place = _peers.FindIndex(peer => peer.NotAfter > added.NotAfter);
        _peers.Insert(place < 0 ? _peers.Count : place, added);
    }
}
