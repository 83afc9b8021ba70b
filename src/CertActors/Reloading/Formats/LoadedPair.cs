using System.Net.Security;
using System.Security.Cryptography.X509Certificates;
using CertActors.Reloading.Judging;

namespace CertActors.Reloading.Formats;

/// <summary>A leaf with its key, and its chain: parsed, and nobody's yet.</summary>
internal sealed class LoadedPair(X509Certificate2 leaf, X509Certificate2Collection intermediates, bool endsAtRoot, CertificateFacts facts) : IDisposable
{
    private SslStreamCertificateContext? _context;

    public X509Certificate2 Leaf { get; } = leaf;

    public CertificateFacts Facts { get; } = facts;

    /// <summary>In the order of issue, without the root.</summary>
    public X509Certificate2Collection Intermediates { get; } = intermediates;

    /// <summary>Whether the file also holds the root that the chain ends at, so that nothing is missing.</summary>
    public bool EndsAtRoot { get; } = endsAtRoot;

    /// <summary>Whether everything that is sent is within its validity.</summary>
    public bool IsValidAt(DateTimeOffset now) => Intermediates.Prepend(Leaf).All(certificate => ChainRules.IsValidAt(certificate, now));

    /// <summary>What handshakes take.</summary>
    /// <exception cref="InvalidOperationException"><see cref="Prepare"/> wasn't called.</exception>
    public SslStreamCertificateContext Context => _context ?? throw new InvalidOperationException("the pair isn't prepared");

    /// <summary>Makes it ready to be served. Offline, or .NET may fetch intermediates and OCSP answers over the network.</summary>
    public void Prepare() => _context = SslStreamCertificateContext.Create(Leaf, Intermediates, offline: true);

    /// <summary>Whether the chain is the other's to the byte. The key is then the same too: each was judged to be its leaf's.</summary>
    public bool HasSameChainAs(LoadedPair other) =>
        PairParser.HaveSameBytes(Leaf, other.Leaf)
        && Intermediates.Count == other.Intermediates.Count
        && Intermediates.Zip(other.Intermediates).All(pair => PairParser.HaveSameBytes(pair.First, pair.Second));

    /// <summary>Only for a load that was never published.</summary>
    public void Dispose()
    {
        Leaf.Dispose();
        foreach (var intermediate in Intermediates)
            intermediate.Dispose();
    }
}
