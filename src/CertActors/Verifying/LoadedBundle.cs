using System.Collections.Frozen;
using System.Security.Cryptography.X509Certificates;
using CertActors.Reloading.Formats;

namespace CertActors.Verifying;

/// <summary>A revocation list, and the key that has signed it.</summary>
/// <param name="List">The list.</param>
/// <param name="IssuerKey">The issuer's key, as SubjectPublicKeyInfo.</param>
internal sealed record IssuedRevocationList(RevocationList List, ReadOnlyMemory<byte> IssuerKey);

/// <summary>
/// The certificates and revocation lists of a trust bundle, with everything prebuilt that the check of a peer needs. It is disposed of by whoever loads
/// it, until it is published; never after that.
/// </summary>
internal sealed class LoadedBundle : IDisposable
{
    // What peers get that lead to the certificate, made once for all handshakes.
    private readonly FrozenDictionary<ReadOnlyMemory<byte>, TrustResult> _anchors;
    private readonly FrozenDictionary<ReadOnlyMemory<byte>, IssuedRevocationList[]> _lists;
    private readonly X509ChainPolicy _forClients;
    private readonly X509ChainPolicy _forServers;

    /// <param name="certificates">The certificates, without duplicates. The bundle owns them.</param>
    /// <param name="lists">The revocation lists to use: one of each issuer and scope.</param>
    /// <param name="allowsStaleLists">Whether revocation lists are used after the next one was due.</param>
    public LoadedBundle(IReadOnlyList<X509Certificate2> certificates, IReadOnlyList<IssuedRevocationList> lists, bool allowsStaleLists)
    {
        Certificates = certificates;
        Facts = [.. certificates.Select(certificate => certificate.ToFacts())];
        RevocationLists = lists;
        AllowsStaleLists = allowsStaleLists;
        _anchors = certificates.Zip(Facts).ToFrozenDictionary(
            anchor => anchor.First.RawDataMemory, anchor => new TrustResult { Refusal = null, Message = "", Authority = anchor.Second }, ByteComparer.Instance);
        _lists = lists.GroupBy(list => list.List.Issuer, ByteComparer.Instance).ToFrozenDictionary(group => group.Key, group => group.ToArray(), ByteComparer.Instance);
        _forClients = MakePolicy("1.3.6.1.5.5.7.3.2", certificates);
        _forServers = MakePolicy("1.3.6.1.5.5.7.3.1", certificates);
    }

    public IReadOnlyList<X509Certificate2> Certificates { get; }

    /// <summary>The facts of <see cref="Certificates"/>, in the same order.</summary>
    public IReadOnlyList<CertificateFacts> Facts { get; }

    public IReadOnlyList<IssuedRevocationList> RevocationLists { get; }

    public bool AllowsStaleLists { get; }

    /// <summary>
    /// The policy by which a chain is built offline to the certificates of the bundle. It is shared: whoever changes it makes a clone, as
    /// <see cref="System.Net.Security.SslStream"/> does.
    /// </summary>
    /// <param name="purpose">What the peer's certificate must be for.</param>
    public X509ChainPolicy PolicyFor(CertificatePurpose purpose) => purpose switch
    {
        CertificatePurpose.ClientAuthentication => _forClients,
        CertificatePurpose.ServerAuthentication => _forServers,
        _ => throw new ArgumentOutOfRangeException(nameof(purpose), purpose, "A peer is either a client or a server."),
    };

    /// <summary>Whether a certificate is one of the bundle, byte for byte.</summary>
    public bool IsAnchor(X509Certificate2 certificate) => _anchors.ContainsKey(certificate.RawDataMemory);

    /// <summary>The result for a peer that leads to a certificate of the bundle.</summary>
    public TrustResult AcceptedBy(X509Certificate2 anchor) => _anchors[anchor.RawDataMemory];

    /// <returns>The revocation lists that an authority has issued, by its name and key.</returns>
    public IEnumerable<RevocationList> ListsOf(X509Certificate2 authority)
    {
        if (_lists.Count == 0 || !_lists.TryGetValue(authority.SubjectName.RawData, out var named))
            return [];
        var key = authority.PublicKey.ExportSubjectPublicKeyInfo();
        return named.Where(list => list.IssuerKey.Span.SequenceEqual(key)).Select(list => list.List);
    }

    /// <summary>Whether both bundles trust the same certificates, and use the same revocation lists in the same way.</summary>
    public bool HasSameContentAs(LoadedBundle other) =>
        AllowsStaleLists == other.AllowsStaleLists
        && Facts.ToHashSet().SetEquals(other.Facts)
        && RevocationLists.Select(list => list.List.Facts).ToHashSet().SetEquals(other.RevocationLists.Select(list => list.List.Facts));

    public void Dispose()
    {
        foreach (var certificate in Certificates)
            certificate.Dispose();
    }

    private static X509ChainPolicy MakePolicy(string purpose, IReadOnlyList<X509Certificate2> certificates)
    {
        var policy = new X509ChainPolicy
        {
            TrustMode = X509ChainTrustMode.CustomRootTrust,
            RevocationMode = X509RevocationMode.NoCheck,
            DisableCertificateDownloads = true,
            ApplicationPolicy = { new(purpose) },
        };
        policy.CustomTrustStore.AddRange(certificates.ToArray());
        return policy;
    }

    private sealed class ByteComparer : IEqualityComparer<ReadOnlyMemory<byte>>
    {
        // The last bytes of a certificate belong to its signature.
        private const int HashedLength = 32;

        public static readonly ByteComparer Instance = new();

        public bool Equals(ReadOnlyMemory<byte> x, ReadOnlyMemory<byte> y) => x.Span.SequenceEqual(y.Span);

        public int GetHashCode(ReadOnlyMemory<byte> bytes)
        {
            var hash = default(HashCode);
            hash.AddBytes(bytes.Span[^Math.Min(bytes.Length, HashedLength)..]);
            return hash.ToHashCode();
        }
    }
}
