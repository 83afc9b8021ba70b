using System.Security.Cryptography.X509Certificates;

namespace CertActors.Reloading.Formats;

/// <summary>Orders the certificates of a file into the chain that is sent with the leaf.</summary>
internal static class ChainBuilder
{
    private const int MaxChainLength = 16;

    // The signature is verified with each.
    private const int MaxIssuersOfOneName = 16;

    /// <param name="leaf">The start of the chain.</param>
    /// <param name="certificates">The issuers to choose from, in any order.</param>
    /// <param name="now">Of two issuers that fit equally well, the one that is valid at this time is taken.</param>
    /// <param name="path">The file's path, for messages.</param>
    /// <returns>The intermediates in the order of issue, without the root, and whether the root is in the file.</returns>
    /// <exception cref="RejectedException">The chain is too long.</exception>
    public static (X509Certificate2Collection Intermediates, bool EndsAtRoot) Build(
        X509Certificate2 leaf, X509Certificate2Collection certificates, DateTimeOffset now, string path)
    {
        X509Certificate2Collection chain = [];
        for (var last = leaf; !last.IsSelfIssued(); last = chain[^1])
        {
            // Compared by their bytes: a recreated authority may have issued two certificates with the same serial number.
            var issuer = IssuerOf(last, certificates.Where(other => !chain.Any(other.HasSameBytesAs)), now);
            if (issuer is null)
                return (chain, EndsAtRoot: false);
            if (issuer.IsSelfIssued())
                break;
            chain.Add(issuer);
            if (chain.Count > MaxChainLength)
            {
                throw new RejectedException(
                    RejectionReason.CertificateMalformed,
                    $"{path} contains a chain of more than {MaxChainLength} intermediates; write only the leaf's own chain to it.");
            }
        }

        return (chain, EndsAtRoot: true);
    }

    /// <returns>The best of the certificates that have the name of a certificate's issuer; null if none has. Its signature may not have been verified.</returns>
    /// <remarks>
    /// Several issuers have the same name after an authority has renewed its certificate or changed its key, or when two authorities have certified it
    /// (RFC 5280, 3.2).
    /// </remarks>
    public static X509Certificate2? IssuerOf(X509Certificate2 certificate, IEnumerable<X509Certificate2> certificates, DateTimeOffset now)
    {
        X509Certificate2[] named = [.. certificates.Where(issuer => certificate.IsIssuedBy(issuer)).Take(MaxIssuersOfOneName)];
        return named.Length < 2
            ? named.FirstOrDefault()
            : named
                .OrderByDescending(issuer => CertificateSignature.IsBy(certificate, issuer))
                .ThenByDescending(issuer => issuer.IsValidAt(now))
                .ThenByDescending(issuer => issuer.NotAfter)
                .First();
    }
}
