using System.Security.Cryptography.X509Certificates;
using CertActors.Reloading.Formats;

namespace CertActors.Verifying;

/// <summary>
/// Remembers the intermediates that peers have sent. The peer of a resumed TLS session sends no certificate: the session contains its leaf, and a ticket
/// contains nothing else of the chain (OpenSSL's SSL_SESSION without <c>peer_chain</c>, <c>ssl_asn1.c</c>).
/// </summary>
/// <remarks>
/// Nothing becomes trusted by being remembered: every chain is verified up to a certificate of the bundle, at each handshake. What is remembered outlives
/// a trust bundle, as tickets do. Memory is bounded. Intermediates of accepted chains, which only an authority of a bundle can issue, have their own room:
/// peers that are refused cannot displace them. Of a few of them, that which was used least recently makes room. Where more than
/// <see cref="MaxAccepted"/> are in use, resumed sessions of those that were displaced are refused, until the peer sends its chain again. Intermediates of
/// refused chains are kept for their leaf alone, whose key the peer has proved to own: they serve a client that was refused before its authority was
/// added, and now resumes the session of then; the oldest makes room. Readers take no lock.
/// </remarks>
internal sealed class IntermediateMemory
{
    public const int MaxAccepted = 256;
    public const int MaxRefused = 64;

    // A chain that is larger is not remembered.
    private const int MaxChainLength = 4;
    private const int MaxChainSize = 16 * 1024;

    // Of all, the least recently used would be the next to be needed where peers come in turn: one more than there is room for would displace each before
    // its next use. Of four, 264 in turn are still found nine times in ten.
    private const int Candidates = 4;

    private RememberedIntermediate[] _accepted = [];
    private uint _uses;
    private RefusedChain[] _refused = [];

    private sealed class RememberedIntermediate(X509Certificate2 certificate)
    {
        private uint _lastUse;

        public X509Certificate2 Certificate => certificate;

        public uint LastUse
        {
            get => Volatile.Read(ref _lastUse);
            set => Volatile.Write(ref _lastUse, value);
        }
    }

    private sealed record RefusedChain(byte[] Leaf, X509Certificate2[] Intermediates);

    /// <summary>The intermediates of accepted chains.</summary>
    public IReadOnlyList<X509Certificate2> Accepted => [.. Volatile.Read(ref _accepted).Select(remembered => remembered.Certificate)];

    /// <returns>The intermediates that were sent with a leaf which was refused.</returns>
    public IReadOnlyList<X509Certificate2> OfRefused(X509Certificate2 leaf) => Find(Volatile.Read(ref _refused), leaf)?.Intermediates ?? [];

    /// <summary>Remembers an intermediate of an accepted chain, and that it was used. It is copied.</summary>
    public void Accept(X509Certificate2 intermediate)
    {
        var use = Interlocked.Increment(ref _uses);
        RememberedIntermediate? added = null;
        for (var known = Volatile.Read(ref _accepted); ;)
        {
            if (Find(known, intermediate) is { } remembered)
            {
                remembered.LastUse = use;
                return;
            }

            // If another one was added meanwhile, this one is added to it: the next handshake of its peer may be one of a resumed session.
            added ??= new RememberedIntermediate(Copy(intermediate)) { LastUse = use };
            var present = Interlocked.CompareExchange(ref _accepted, With(added, known), known);
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

    private static RememberedIntermediate? Find(RememberedIntermediate[] known, X509Certificate2 intermediate)
    {
        foreach (var remembered in known)
        {
            if (remembered.Certificate.HasSameBytesAs(intermediate))
                return remembered;
        }

        return null;
    }

    private static RememberedIntermediate[] With(RememberedIntermediate added, RememberedIntermediate[] known)
    {
        if (known.Length < MaxAccepted)
            return [.. known, added];

        // The upper bits of a product with the golden ratio spread consecutive numbers evenly (Knuth, The Art of Computer Programming, 6.4).
        var start = (int)((added.LastUse * 2654435769u) >> 24) % MaxAccepted;

        // The count of uses may wrap around, and one that was used meanwhile is later than the added one: the difference has a sign.
        var place = Enumerable.Range(start, Candidates).Select(i => i % MaxAccepted).MaxBy(i => (int)(added.LastUse - known[i].LastUse));
        var next = known.ToArray();
        next[place] = added;
        return next;
    }

    private static RefusedChain? Find(RefusedChain[] chains, X509Certificate2 leaf) =>
        Array.FindLast(chains, chain => leaf.RawDataMemory.Span.SequenceEqual(chain.Leaf));

    private static Span<T> Newest<T>(T[] items, int count) => items.AsSpan(Math.Max(items.Length - count, 0));

    private static X509Certificate2 Copy(X509Certificate2 certificate) => X509CertificateLoader.LoadCertificate(certificate.RawDataMemory.Span);
}
