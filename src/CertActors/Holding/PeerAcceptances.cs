using System.Collections.Frozen;
using System.Security.Cryptography.X509Certificates;

namespace CertActors.Holding;

/// <summary>Counts the peers that a trust bundle accepts, for each of its certificates: as many as these, however many peers there are.</summary>
internal sealed class PeerAcceptances
{
    // Replaced whole with each swap, by the bundle's ReloadActor; read by any thread.
    private volatile Followed _followed = new([]);

    public PeerAcceptances() => Recorder = Add;

    /// <summary>Counts a peer that was accepted at that time. One delegate for all handshakes.</summary>
    public Action<TrustResult, X509Certificate2, DateTimeOffset> Recorder { get; }

    /// <summary>Counts for these certificates from now on. Those that were followed before keep their counts.</summary>
    public void Follow(IReadOnlyList<CertificateFacts> authorities, DateTimeOffset now)
    {
        var before = _followed.BySha256;
        _followed = new Followed([.. authorities.Select(authority => before.GetValueOrDefault(authority.Sha256) ?? new AuthorityUse(authority, now))]);
    }

    /// <summary>The counts of each certificate, in the order of the bundle.</summary>
    public IReadOnlyList<AcceptedPeers> At(DateTimeOffset now) => [.. _followed.InOrder.Select(use => use.At(now))];

    // Handshakes that began before a swap may lead to a certificate that is no longer in the bundle.
    private void Add(TrustResult accepted, X509Certificate2 leaf, DateTimeOffset now)
    {
        if (_followed.BySha256.TryGetValue(accepted.Authority!.Sha256, out var use))
            use.Add(leaf, now);
    }

    private sealed class Followed(AuthorityUse[] inOrder)
    {
        public AuthorityUse[] InOrder => inOrder;

        public FrozenDictionary<string, AuthorityUse> BySha256 { get; } = inOrder.ToFrozenDictionary(use => use.Authority.Sha256, StringComparer.Ordinal);
    }
}
