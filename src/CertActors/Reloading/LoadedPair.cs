using System.Net.Security;
using System.Security.Cryptography.X509Certificates;

namespace CertActors.Reloading;

/// <summary>A pair that was read and accepted: ready to be served, and nobody's yet.</summary>
internal sealed class LoadedPair(X509Certificate2 leaf, X509Certificate2Collection intermediates, CertificateFacts facts) : IDisposable
{
    public X509Certificate2 Leaf { get; } = leaf;

    public CertificateFacts Facts { get; } = facts;

    public X509Certificate2Collection Intermediates { get; } = intermediates;

    /// <summary>Offline, or .NET may fetch intermediates and OCSP answers over the network while a pair is loaded.</summary>
    public SslStreamCertificateContext Context { get; } = SslStreamCertificateContext.Create(leaf, intermediates, offline: true);

    /// <summary>Whether the chain is the other's to the byte. The key is then the same too: each was judged to be its leaf's.</summary>
    public bool HasSameChainAs(LoadedPair other) =>
        Leaf.RawDataMemory.Span.SequenceEqual(other.Leaf.RawDataMemory.Span)
        && Intermediates.Select(Der).SequenceEqual(other.Intermediates.Select(Der));

    /// <summary>Only for a load that was never published.</summary>
    public void Dispose()
    {
        Leaf.Dispose();
        foreach (var intermediate in Intermediates)
            intermediate.Dispose();
    }

    private static string Der(X509Certificate2 certificate) => Convert.ToBase64String(certificate.RawDataMemory.Span);
}
