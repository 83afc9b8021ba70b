using System.Net.Security;
using System.Security.Cryptography.X509Certificates;
using CertActors.Reloading.Formats;

namespace CertActors;

/// <summary>What a handshake gets: one accepted load of a pair, as an immutable snapshot.</summary>
/// <remarks>It is never disposed: handshakes and open connections may hold it. When the last reference is gone, finalizers release the key.</remarks>
public sealed class ServingCertificate
{
    internal ServingCertificate(CertificateChanged announcement, LoadedPair pair)
    {
        Announcement = announcement;
        Pair = pair;
    }

    /// <summary>The pair's name.</summary>
    public string Name => Announcement.Name;

    /// <summary>Grows by one with each swap of the pair; 1 is the first load.</summary>
    public long Generation => Announcement.Generation;

    /// <summary>The leaf's public facts.</summary>
    public CertificateFacts Facts => Announcement.Current;

    /// <summary>The leaf certificate with its private key. Don't dispose it.</summary>
    public X509Certificate2 Leaf => Pair.Leaf;

    /// <summary>The chain to send, built once for all handshakes of this generation. Nothing was fetched over the network.</summary>
    public SslStreamCertificateContext Context => Pair.Context;

    /// <summary>What subscribers get when this generation is swapped in.</summary>
    internal CertificateChanged Announcement { get; }

    internal LoadedPair Pair { get; }

    /// <summary>The name and the generation.</summary>
    public override string ToString() => $"{Name} generation {Generation}";
}
