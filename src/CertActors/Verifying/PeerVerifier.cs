using System.Security.Cryptography.X509Certificates;
using CertActors.Reloading.Formats;

namespace CertActors.Verifying;

/// <summary>Checks the certificates of peers against a trust bundle.</summary>
/// <remarks>
/// The platform builds the chain, without the network. It is accepted if it contains a certificate of the bundle, byte for byte, and the platform finds
/// nothing wrong with that and the certificates before it. That a chain is partial or its root untrusted counts only before that certificate: .NET trusts
/// self-issued certificates alone, also in a <see cref="X509ChainPolicy.CustomTrustStore"/>.
/// </remarks>
internal sealed class PeerVerifier(LoadedBundle bundle, IntermediateMemory memory)
{
    // Longer chains are in no use.
    private const int MaxPathLength = 8;

    // At a certificate of the bundle, these concern only what is above it.
    private const X509ChainStatusFlags AboveAnchor =
        X509ChainStatusFlags.PartialChain | X509ChainStatusFlags.UntrustedRoot | X509ChainStatusFlags.NotSignatureValid;

    /// <summary>Builds the chain of a peer's certificate, and checks it.</summary>
    public TrustResult Verify(X509Certificate2 leaf, X509Certificate2Collection? presented, CertificatePurpose purpose, DateTimeOffset now)
    {
        try
        {
            using var chain = new X509Chain { ChainPolicy = bundle.PolicyFor(purpose).Clone() };
            chain.ChainPolicy.VerificationTime = now.UtcDateTime;
            chain.ChainPolicy.ExtraStore.AddRange(presented ?? []);
            return BuildAndJudge(chain, leaf, now, mayHaveOtherPath: true);
        }
        catch (Exception error)
        {
            return Refusals.Malformed(leaf, error);
        }
    }

    /// <summary>
    /// Checks a chain that <see cref="System.Net.Security.SslStream"/> has built by <see cref="LoadedBundle.PolicyFor"/>, and disposes of its certificates,
    /// as it does itself where it calls no callback.
    /// </summary>
    public TrustResult Verify(X509Certificate2 leaf, X509Chain chain, DateTimeOffset now)
    {
        try
        {
            return Judge(chain, leaf, now, mayHaveOtherPath: true);
        }
        catch (Exception error)
        {
            return Refusals.Malformed(leaf, error);
        }
        finally
        {
            DisposeElements(chain);
            foreach (var presented in chain.ChainPolicy.ExtraStore)
                presented.Dispose();
        }
    }

    private TrustResult BuildAndJudge(X509Chain chain, X509Certificate2 leaf, DateTimeOffset now, bool mayHaveOtherPath)
    {
        try
        {
            chain.Build(leaf);
            return Judge(chain, leaf, now, mayHaveOtherPath);
        }
        finally
        {
            DisposeElements(chain);
        }
    }

    private TrustResult Judge(X509Chain chain, X509Certificate2 leaf, DateTimeOffset now, bool mayHaveOtherPath)
    {
        X509ChainElement[] elements = [.. chain.ChainElements];
        var anchor = Array.FindIndex(elements, element => bundle.IsAnchor(element.Certificate));
        var unsound = Array.FindIndex(elements, element => FlagsOf(element).HasFlag(X509ChainStatusFlags.NotSignatureValid));
        if (anchor < 0 || (unsound >= 0 && unsound < anchor))
        {
            var last = anchor < 0 && unsound < 0 ? elements.Length - 1 : unsound;
            if (mayHaveOtherPath)
            {
                using var other = OtherPath(elements, last, leaf, chain.ChainPolicy, now);
                if (other is not null)
                    return BuildAndJudge(other, leaf, now, mayHaveOtherPath: false);
                memory.Refuse(leaf, chain.ChainPolicy.ExtraStore.Where(presented => !presented.HasSameBytesAs(leaf)));
            }

            return Refusals.Untrusted(leaf, elements[last].Certificate, isSignatureInvalid: unsound >= 0);
        }

        for (var place = 0; place <= anchor; place++)
        {
            var flags = FlagsOf(elements[place]);
            if (place == anchor)
            {
                // OpenSSL does not check the validity period of the last certificate of a partial chain (internal_verify, x509_vfy.c).
                flags &= ~AboveAnchor;
                if (!elements[place].Certificate.IsValidAt(now))
                    flags |= X509ChainStatusFlags.NotTimeValid;
            }

            if (flags != X509ChainStatusFlags.NoError)
                return Refusals.Of(leaf, elements[place].Certificate, flags, now);
        }

        if (FindRevocation(elements, leaf, now) is { } revocation)
            return revocation;

        for (var place = 1; place < anchor; place++)
            memory.Accept(elements[place].Certificate);
        return bundle.AcceptedBy(elements[anchor].Certificate);
    }

    // Each certificate of the chain whose issuer is in the chain, also above the first of the bundle: the bundle itself may revoke one that it contains.
    private TrustResult? FindRevocation(X509ChainElement[] elements, X509Certificate2 leaf, DateTimeOffset now)
    {
        if (bundle.RevocationLists.Count == 0)
            return null;
        TrustResult? stale = null;
        foreach (var (element, issuer) in elements.Zip(elements.Skip(1)))
        {
            foreach (var list in bundle.ListsOf(issuer.Certificate))
            {
                if (list.Serials.Contains(element.Certificate.SerialNumberBytes.Span))
                    return Refusals.Revoked(leaf, element.Certificate, list.Facts);
                if (!bundle.AllowsStaleLists && list.IsStaleAt(now))
                    stale ??= Refusals.Stale(leaf, list.Facts);
            }
        }

        return stale;
    }

    /// <summary>
    /// Finds the path that the platform does not find: where the peer of a resumed session has sent no intermediates, and where several authorities have
    /// the issuer's name, of which the platform takes one without verifying the signature.
    /// </summary>
    /// <param name="elements">The chain that the platform has built.</param>
    /// <param name="last">The index of the last certificate that belongs to the path.</param>
    /// <param name="leaf">The peer's certificate.</param>
    /// <param name="policy">The policy of the chain.</param>
    /// <param name="now">The time of the check.</param>
    /// <returns>A chain to build, with no other choice than that path; null if there is none.</returns>
    private X509Chain? OtherPath(X509ChainElement[] elements, int last, X509Certificate2 leaf, X509ChainPolicy policy, DateTimeOffset now)
    {
        var wrong = last + 1 < elements.Length ? elements[last + 1].Certificate : null;
        X509Certificate2[] candidates = [.. bundle.Certificates, .. memory.Accepted, .. memory.OfRefused(leaf)];
        List<X509Certificate2> path = [.. elements[..(last + 1)].Select(element => element.Certificate)];
        var known = path.Count;
        while (path.Count < MaxPathLength && !bundle.IsAnchor(path[^1]))
        {
            var issuer = ChainBuilder.IssuerOf(
                path[^1],
                candidates.Where(candidate => wrong?.HasSameBytesAs(candidate) != true && !path.Exists(candidate.HasSameBytesAs)),
                now);
            if (issuer is null)
                break;
            path.Add(issuer);
        }

        if (path.Count == known || !bundle.IsAnchor(path[^1]))
            return null;

        var chosen = policy.Clone();
        chosen.CustomTrustStore.Clear();
        chosen.CustomTrustStore.Add(path[^1]);
        chosen.ExtraStore.Clear();
        chosen.ExtraStore.AddRange(path.ToArray());
        chosen.VerificationTime = now.UtcDateTime;
        return new X509Chain { ChainPolicy = chosen };
    }

    private static X509ChainStatusFlags FlagsOf(X509ChainElement element)
    {
        var flags = X509ChainStatusFlags.NoError;
        foreach (var status in element.ChainElementStatus)
            flags |= status.Status;
        return flags;
    }

    private static void DisposeElements(X509Chain chain)
    {
        foreach (var element in chain.ChainElements)
            element.Certificate.Dispose();
    }
}
