using System.Net.Security;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;

namespace CertActors.Reloading.Formats;

/// <summary>A leaf with its key, and its chain. It is disposed of by whoever loads it, until it is published; never after that.</summary>
internal sealed class LoadedPair(X509Certificate2 leaf, X509Certificate2Collection intermediates, bool endsAtRoot, CertificateFacts facts) : IDisposable
{
    private SslStreamCertificateContext? _context;

    public X509Certificate2 Leaf { get; } = leaf;

    public CertificateFacts Facts { get; } = facts;

    /// <summary>In the order of issue, without the root.</summary>
    public X509Certificate2Collection Intermediates { get; } = intermediates;

    /// <summary>The public facts of the intermediates. What one says of itself is no reason to reject what it has issued: one that cannot be decoded is left out.</summary>
    public IReadOnlyList<CertificateFacts> ChainFacts { get; } = [.. intermediates.Select(FactsOf).OfType<CertificateFacts>()];

    /// <summary>Whether the file also contains the root of the chain, so that no issuer is missing.</summary>
    public bool EndsAtRoot { get; } = endsAtRoot;

    /// <summary>Whether every certificate that is sent is within its validity period.</summary>
    public bool IsValidAt(DateTimeOffset now) => Intermediates.Prepend(Leaf).All(certificate => certificate.IsValidAt(now));

    /// <summary>The prebuilt context for handshakes.</summary>
    /// <exception cref="InvalidOperationException"><see cref="Prepare"/> was not called.</exception>
    public SslStreamCertificateContext Context => _context ?? throw new InvalidOperationException("The pair is not prepared.");

    /// <summary>Builds <see cref="Context"/>, offline: .NET may otherwise download intermediates and OCSP responses.</summary>
    public void Prepare() => _context = SslStreamCertificateContext.Create(Leaf, Intermediates, offline: true);

    /// <summary>Whether both chains have the same bytes. Then the keys are the same, too, as each belongs to its leaf.</summary>
    public bool HasSameChainAs(LoadedPair other) =>
        Leaf.HasSameBytesAs(other.Leaf)
        && Intermediates.Count == other.Intermediates.Count
        && Intermediates.Zip(other.Intermediates).All(pair => pair.First.HasSameBytesAs(pair.Second));

    public void Dispose()
    {
        Leaf.Dispose();
        foreach (var intermediate in Intermediates)
            intermediate.Dispose();
    }

    private static CertificateFacts? FactsOf(X509Certificate2 intermediate)
    {
        try
        {
            return intermediate.ToFacts();
        }
        catch (CryptographicException)
        {
            return null;
        }
    }
}
