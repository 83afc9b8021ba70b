using System.Security.Cryptography.X509Certificates;
using CertActors.Reloading.Formats;

namespace CertActors.Verifying;

/// <summary>
/// Remembers the intermediates that peers have sent. The peer of a resumed TLS session sends no certificate: the session contains its leaf, and a ticket
/// contains nothing else of the chain (OpenSSL's SSL_SESSION without <c>peer_chain</c>, <c>ssl_asn1.c</c>).
/// </summary>
/// <remarks>
/// Nothing becomes trusted by being remembered: every chain is verified up to a certificate of the bundle, at each handshake. What is remembered outlives
/// a trust bundle, as tickets do. Memory is bounded; the oldest entry makes room. Intermediates of accepted chains, which only an authority of a bundle
/// can issue, have their own room: peers that are refused cannot displace them. Those of refused chains are kept for their leaf alone, whose key the
/// peer has proved to own: they serve a client that was refused before its authority was added, and now resumes the session of then. Readers take no
/// lock.
/// </remarks>
internal sealed class IntermediateMemory
{
    public const int MaxAccepted = 256;
    public const int MaxRefused = 64;

    // A chain that is larger is not remembered.
    private const int MaxChainLength = 4;
    private const int MaxChainSize = 16 * 1024;

    private X509Certificate2[] _accepted = [];
    private RefusedChain[] _refused = [];

    private sealed record RefusedChain(byte[] Leaf, X509Certificate2[] Intermediates);

    /// <summary>The intermediates of accepted chains.</summary>
    public IReadOnlyList<X509Certificate2> Accepted => Volatile.Read(ref _accepted);

    /// <returns>The intermediates that were sent with a leaf which was refused.</returns>
    public IReadOnlyList<X509Certificate2> OfRefused(X509Certificate2 leaf) => Find(Volatile.Read(ref _refused), leaf)?.Intermediates ?? [];

    /// <summary>Remembers an intermediate of an accepted chain. It is copied.</summary>
    public void Accept(X509Certificate2 intermediate)
    {
        X509Certificate2? copy = null;
        for (var known = Volatile.Read(ref _accepted); !Array.Exists(known, other => other.HasSameBytesAs(intermediate));)
        {
            // If another one was added meanwhile, this one is added to it: the next handshake of its peer may be one of a resumed session.
            copy ??= Copy(intermediate);
            var present = Interlocked.CompareExchange(ref _accepted, [.. Newest(known, MaxAccepted - 1), copy], known);
            if (ReferenceEquals(present, known))
                return;
            known = present;
        }
    }

    /// <summary>Remembers the intermediates of a chain that was refused as it leads to no certificate of the bundle. They are copied.</summary>
    public void Refuse(X509Certificate2 leaf, IEnumerable<X509Certificate2> intermediates)
    {
        X509Certificate2[] chain = [.. intermediates.Take(MaxChainLength + 1)];
        if (chain.Length is 0 or > MaxChainLength || Find(Volatile.Read(ref _refused), leaf) is not null)
            return;
        if (leaf.RawDataMemory.Length + chain.Sum(certificate => certificate.RawDataMemory.Length) > MaxChainSize)
            return;

        var added = new RefusedChain(leaf.RawData, [.. chain.Select(Copy)]);
        for (var known = Volatile.Read(ref _refused); Find(known, leaf) is null;)
        {
            var present = Interlocked.CompareExchange(ref _refused, [.. Newest(known, MaxRefused - 1), added], known);
            if (ReferenceEquals(present, known))
                return;
            known = present;
        }
    }

    private static RefusedChain? Find(RefusedChain[] chains, X509Certificate2 leaf) =>
        Array.FindLast(chains, chain => leaf.RawDataMemory.Span.SequenceEqual(chain.Leaf));

    private static Span<T> Newest<T>(T[] items, int count) => items.AsSpan(Math.Max(items.Length - count, 0));

    private static X509Certificate2 Copy(X509Certificate2 certificate) => X509CertificateLoader.LoadCertificate(certificate.RawDataMemory.Span);
}
