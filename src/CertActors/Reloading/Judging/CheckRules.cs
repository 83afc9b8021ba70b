using CertActors.Reloading.Formats;

namespace CertActors.Reloading.Judging;

/// <summary>What a check reports of a pair that a supervisor serves without a word.</summary>
internal static class CheckRules
{
    /// <summary>Whether the file lacks an intermediate.</summary>
    /// <remarks>
    /// No certificate says whether its issuer is a root, which is not sent. Public authorities never issue a leaf with a root, and all write the address
    /// of the issuer's certificate to it (CA/Browser Forum, Baseline Requirements, 7.1.2.7). They write one to intermediates, too, whose issuer is a root:
    /// only a leaf alone shows that something is missing.
    /// </remarks>
    public static IEnumerable<Finding> OfMissingIssuer(LoadedPair pair, CertificateOptions policy)
    {
        if (pair.Intermediates.Count == 0 && !pair.EndsAtRoot && Judge.NamesIssuerAddress(pair.Leaf))
        {
            yield return new Finding(
                Reason: null,
                $"{policy.CertificatePath} contains no certificate of the leaf's issuer ({pair.Leaf.Issuer}), which is probably an intermediate that clients do not have; append it.");
        }
    }

    /// <summary>Whether the leaf and its intermediates stay valid for long enough. What has expired already is a finding of <see cref="Judge"/>.</summary>
    public static IEnumerable<Finding> OfRemaining(LoadedPair pair, DateTimeOffset now, TimeSpan minRemaining, CertificateOptions policy)
    {
        foreach (var certificate in pair.Intermediates.Prepend(pair.Leaf))
        {
            if (certificate.NotAfter.ToUniversalTime() is var end && end >= now && end - now < minRemaining)
            {
                var which = ReferenceEquals(certificate, pair.Leaf) ? $"The leaf in {policy.CertificatePath}" : $"{policy.CertificatePath} contains an intermediate ({certificate.Subject}) that";
                yield return new Finding(
                    RejectionReason.ExpiresTooSoon, $"{which} expires at {end:u}, in less than the required {minRemaining.TotalDays:0.###} days; renew it.");
            }
        }
    }
}
