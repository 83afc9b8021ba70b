using System.Security.Cryptography.X509Certificates;
using CertActors.Holding;
using CertActors.Verifying;

namespace CertActors;

/// <summary>What peers are verified against: one accepted load of a trust bundle, as an immutable snapshot.</summary>
/// <remarks>
/// All members may be called from any thread. It is never disposed: handshakes may hold it. When the last reference is gone, finalizers release the
/// certificates.
/// </remarks>
public sealed class TrustBundle
{
    internal TrustBundle(TrustBundleChanged announcement, LoadedBundle loaded, IntermediateMemory memory)
    {
        Announcement = announcement;
        Loaded = loaded;
        Verifier = new PeerVerifier(loaded, memory);
    }

    /// <summary>The bundle's name.</summary>
    public string Name => Announcement.Name;

    /// <summary>Grows by one with each swap of the bundle; 1 is the first load.</summary>
    public long Generation => Announcement.Generation;

    /// <summary>The public facts of the certificates that are trusted.</summary>
    public IReadOnlyList<CertificateFacts> Authorities => Announcement.Authorities;

    /// <summary>The public facts of the revocation lists that are used: the newest of each authority.</summary>
    public IReadOnlyList<RevocationListFacts> RevocationLists => Announcement.RevocationLists;

    /// <inheritdoc cref="ServingCertificate.Superseded"/>
    /// <summary>Cancelled when a newer generation of the bundle is served, so that connections can be closed whose peers it was verified for.</summary>
    public CancellationToken Superseded => Supersession.Token;

    /// <summary>What subscribers get when this generation is swapped in.</summary>
    internal TrustBundleChanged Announcement { get; }

    internal Supersession Supersession { get; } = new();

    internal LoadedBundle Loaded { get; }

    internal PeerVerifier Verifier { get; }

    /// <summary>
    /// Checks the certificate of a peer: whether it leads to a certificate of the bundle (RFC 5280, 6.1), is valid at this time, allows the purpose, and
    /// is not revoked. Nothing is read from the network. What cannot be checked is refused, and no exception is thrown for it.
    /// </summary>
    /// <remarks>
    /// Each certificate of the bundle ends a path, whether it is a root or an intermediate, as long as it is valid itself. Each certificate of the path is
    /// looked up in the revocation lists of its issuer. The peer's host name is not checked: see <see cref="X509Certificate2.MatchesHostname"/>.
    /// </remarks>
    /// <param name="leaf">The peer's certificate.</param>
    /// <param name="presented">The certificates that the peer has sent with it, in any order; null for none.</param>
    /// <param name="purpose">What the certificate must be for: of a client, or of a server.</param>
    /// <param name="now">The time of the check.</param>
    /// <returns>Whether the certificate is accepted, or why not.</returns>
    public TrustResult Verify(X509Certificate2 leaf, X509Certificate2Collection? presented, CertificatePurpose purpose, DateTimeOffset now)
    {
        ArgumentNullException.ThrowIfNull(leaf);
        return Verifier.Verify(leaf, presented, purpose, now);
    }

    /// <inheritdoc cref="Verifying.HandshakeCheck"/>
    internal HandshakeCheck HandshakeCheck(
        Func<DateTimeOffset> clock, Action<TrustResult> onRefused, Action<TrustResult, X509Certificate2, DateTimeOffset>? onAccepted = null) =>
        new(Loaded, Verifier, clock, onRefused, onAccepted);

    /// <summary>The name and the generation.</summary>
    public override string ToString() => $"{Name} generation {Generation}";
}
