using System.Net.Security;
using System.Security.Cryptography.X509Certificates;
using CertActors.Holding;
using CertActors.Reloading.Formats;

namespace CertActors;

/// <summary>What a handshake gets: one accepted load of a pair, as an immutable snapshot.</summary>
/// <remarks>It is never disposed: handshakes and open connections may hold it. When the last reference is gone, finalizers release the key.</remarks>
public sealed class ServingCertificate
{
    internal ServingCertificate(CertificateCell cell, CertificateChanged announcement, LoadedPair pair)
    {
        Announcement = announcement;
        Pair = pair;
        Use = new GenerationUse(cell.Holder, announcement.Name, announcement.Generation);
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

    /// <summary>
    /// Cancelled when nothing serves this generation any more, so that a server can close its connections: when a newer one of the pair is served, or the
    /// pair is removed. As the default, it may be served longer than as the pair's, until the next default is loaded. Its callbacks run on the thread
    /// pool, one after another: one that hangs delays the other callbacks of this generation, and nothing else; an exception is that of an
    /// unobserved task (<see cref="TaskScheduler.UnobservedTaskException"/>).
    /// </summary>
    public CancellationToken Superseded => Use.Superseded;

    /// <summary>What subscribers get when this generation is swapped in.</summary>
    internal CertificateChanged Announcement { get; }

    internal LoadedPair Pair { get; }

    internal GenerationUse Use { get; }

    /// <summary>
    /// Counts an open connection of this generation, for <see cref="CertificateStatus.Connections"/> and <see cref="GenerationDrained"/>. Call it as soon
    /// as the certificate is selected, before the handshake, so that no handshake is missed. Any thread may call it; it waits for nothing.
    /// </summary>
    /// <remarks>Kestrel endpoints with <c>UseCertificates</c> call it by themselves.</remarks>
    /// <example><code>
    /// var certificate = holder.Select(serverName)!;
    /// using var connection = certificate.BeginConnection();
    /// await tls.AuthenticateAsServerAsync(new SslServerAuthenticationOptions { ServerCertificateContext = certificate.Context });
    /// </code></example>
    /// <returns>Dispose it when the connection has closed, or when the handshake has failed. A second disposal does nothing.</returns>
    public IDisposable BeginConnection() => Use.BeginConnection();

    /// <summary>The name and the generation.</summary>
    public override string ToString() => $"{Name} generation {Generation}";
}
