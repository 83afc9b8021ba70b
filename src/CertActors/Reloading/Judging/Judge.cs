using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using CertActors.Diagnostics;
using CertActors.Reloading.Formats;
using CertActors.Verifying;

namespace CertActors.Reloading.Judging;

/// <summary>Something that is wrong with a pair, or a warning about it.</summary>
/// <param name="Reason">The reason to reject the pair by; null for a warning.</param>
/// <param name="Message">For people: path, reason, remedy.</param>
internal sealed record Finding(RejectionReason? Reason, string Message);

/// <summary>
/// Decides whether a pair is served. The verdict depends only on the contents of the files, what is served now, the time and the pair's options.
/// </summary>
internal static class Judge
{
    private const int MinRsaKeySize = 2048;
    private const string AlternativeName = "2.5.29.17"; // RFC 5280, 4.2.1.6
    private const int EmptySequenceLength = 2;

    /// <param name="content">The contents of the files.</param>
    /// <param name="served">What is served now; null if nothing is.</param>
    /// <param name="isAccepted">Whether the options accept what is served; if that is not known, it is judged as anything else.</param>
    /// <param name="trust">Verifies against the bundle of <see cref="CertificateOptions.MustChainTo"/>; null if it is not loaded.</param>
    /// <param name="now">The time.</param>
    /// <param name="policy">The pair's options.</param>
    public static Verdict Of(PairContent content, LoadedPair? served, bool isAccepted, PeerVerifier? trust, DateTimeOffset now, CertificateOptions policy)
    {
        LoadedPair? pair = null;
        try
        {
            using (ReloadTrace.Begin(ReloadTrace.Parse))
                pair = PairParser.Parse(content, policy, now);
            var isServed = served is not null && pair.HasSameChainAs(served);
            if (isServed && isAccepted)
            {
                pair.Dispose();
                return Verdict.Unchanged.Instance;
            }

            Finding[] findings;
            using (ReloadTrace.Begin(ReloadTrace.Judge))
                findings = [.. OfTrust(pair, trust, now, policy), .. Findings(pair, served, now, policy)];
            if (Array.Find(findings, finding => finding.Reason is not null) is { } fatal)
            {
                pair.Dispose();
                return new Verdict.Rejected(fatal.Reason!.Value, fatal.Message);
            }

            string[] warnings = [.. findings.Select(finding => finding.Message)];
            if (isServed)
            {
                pair.Dispose();
                return new Verdict.Unchanged(warnings);
            }

            using (ReloadTrace.Begin(ReloadTrace.Build))
                pair.Prepare();
            var incomplete = served is not null && LacksIssuerOf(pair, served) ? $"{policy.CertificatePath} ends before an issuer that clients may not have." : null;
            return new Verdict.Accepted(pair, warnings, incomplete);
        }
        catch (Exception fault) when (FindingOf(fault, policy) is { } finding)
        {
            pair?.Dispose();
            return new Verdict.Rejected(finding.Reason!.Value, finding.Message);
        }
    }

    /// <summary>Applies every rule to a pair, but for <see cref="OfTrust"/>.</summary>
    /// <param name="pair">The pair.</param>
    /// <param name="served">What is served now; null if nothing is.</param>
    /// <param name="now">The time.</param>
    /// <param name="policy">The pair's options.</param>
    /// <param name="requiresNames">Whether <see cref="CertificateOptions.RequiredNames"/> apply also while nothing is served.</param>
    public static IEnumerable<Finding> Findings(
        LoadedPair pair, LoadedPair? served, DateTimeOffset now, CertificateOptions policy, bool requiresNames = false) =>
    [
        .. OfUse(pair, policy),
        .. OfStrength(pair, policy),
        .. OfValidity(pair, served, now, policy),
        .. OfNames(pair, served, policy, requiresNames),
        .. OfChain(pair, served, now, policy),
        .. OfEnd(pair, served, policy),
    ];

    /// <returns>The finding for an exception while the files were parsed or judged; null if it is not their contents' fault.</returns>
    public static Finding? FindingOf(Exception fault, CertificateOptions policy) => fault switch
    {
        RejectedException rejected => new Finding(rejected.Reason, rejected.Message),
        OutOfMemoryException => null,

        // Any other exception is caused by the contents. The parser's own message is left out, as it might quote the key.
        _ => new Finding(
            RejectionReason.CertificateMalformed,
            $"{policy.CertificatePath} or {policy.KeyPath} cannot be decoded ({fault.GetType().Name}); write both files again."),
    };

    /// <summary>Whether the bundle of <see cref="CertificateOptions.MustChainTo"/> trusts the pair.</summary>
    public static IEnumerable<Finding> OfTrust(LoadedPair pair, PeerVerifier? trust, DateTimeOffset now, CertificateOptions policy)
    {
        if (policy.MustChainTo is null)
            yield break;
        if (trust is null)
        {
            yield return new Finding(
                RejectionReason.NotTrusted, $"The trust bundle '{policy.MustChainTo}', which must trust {policy.CertificatePath}, is not loaded; check its files.");
        }
        else if (trust.Verify(pair.Leaf, pair.Intermediates, policy.Purpose, now) is { Refusal: { } refusal, Message: var message })
        {
            yield return new Finding(
                RejectionReason.NotTrusted,
                $"The trust bundle '{policy.MustChainTo}' does not trust {policy.CertificatePath} ({refusal}). {message} Add the authority to the bundle, or append missing intermediates.");
        }
    }

    private static IEnumerable<Finding> OfUse(LoadedPair pair, CertificateOptions policy)
    {
        if (ChainRules.Excluded(pair.Leaf, policy.Purpose, isAnyEnough: true) is not 0 and var excluded)
        {
            yield return new Finding(
                RejectionReason.PurposeExcluded,
                $"The leaf in {policy.CertificatePath} excludes {excluded} by its extended key usage; issue one that allows it.");
        }
    }

    private static IEnumerable<Finding> OfStrength(LoadedPair pair, CertificateOptions policy)
    {
        foreach (var certificate in pair.Intermediates.Prepend(pair.Leaf))
        {
            var which = $"{policy.CertificatePath} contains a certificate ({certificate.Subject})";
            using var key = certificate.HasPrivateKey ? certificate.GetRSAPrivateKey() : certificate.GetRSAPublicKey(); // The former is not decoded again.
            if (key is { KeySize: < MinRsaKeySize })
            {
                yield return new Finding(
                    RejectionReason.TooWeak, $"{which} with an RSA key of {key.KeySize} bits; use a key of at least {MinRsaKeySize} bits.");
            }

            if (SignatureAlgorithm.IsWeak(certificate))
                yield return new Finding(RejectionReason.TooWeak, $"{which} whose signature uses SHA-1 or MD5; issue it with SHA-256 or better.");
        }
    }

    private static IEnumerable<Finding> OfValidity(LoadedPair pair, LoadedPair? served, DateTimeOffset now, CertificateOptions policy)
    {
        var (next, current) = (pair.Facts, served?.Facts);
        var isCurrentValid = served is not null && served.Leaf.IsValidAt(now);
        if (next.NotAfter < now)
        {
            var isRejected = current is null ? policy.RequireValidFirst : current.NotAfter > next.NotAfter;
            yield return new Finding(
                isRejected ? RejectionReason.Expired : null,
                $"The leaf in {policy.CertificatePath} expired at {next.NotAfter:u}{Unless(isRejected)}; renew it.");
        }
        else if (next.NotBefore > now)
        {
            var isRejected = current is null ? policy.RequireValidFirst : isCurrentValid;
            yield return new Finding(
                isRejected ? RejectionReason.NotYetValid : null,
                $"The leaf in {policy.CertificatePath} is not valid before {next.NotBefore:u}{Unless(isRejected)}; wait until it is, or check this machine's clock.");
        }

        if (isCurrentValid && policy.AllowedExpirySetback is { } allowed && current!.NotAfter - next.NotAfter > allowed)
        {
            yield return new Finding(
                RejectionReason.EarlierExpiry,
                $"The leaf in {policy.CertificatePath} expires at {next.NotAfter:u}, earlier than the one that is served ({current.NotAfter:u}), as if a backup was restored; write the latest pair.");
        }
    }

    private static IEnumerable<Finding> OfNames(LoadedPair pair, LoadedPair? served, CertificateOptions policy, bool requiresNames)
    {
        // A common name identifies no server (RFC 9525, 2).
        if (policy.IsForServers && pair.Leaf.Extensions[AlternativeName] is not { RawData.Length: > EmptySequenceLength })
        {
            yield return new Finding(
                Reason: null,
                $"The leaf in {policy.CertificatePath} has no subject alternative name, and clients match no server by its common name; issue it with the server's DNS names or addresses.");
        }

        string[] missing = [.. policy.RequiredNames.Where(name => !Covers(pair, name))];
        if (missing.Length == 0)
            yield break;

        var isLost = served is not null && missing.Any(name => Covers(served, name));
        yield return new Finding(
            isLost || requiresNames ? RejectionReason.NameLost : null,
            $"The leaf in {policy.CertificatePath} lacks {string.Join(", ", missing)}{(isLost ? ", of which the one that is served has some" : "")}; issue it for all names.");
    }

    // A flaw is a reason to reject only where the served pair is better: valid, and without that flaw.
    private static IEnumerable<Finding> OfChain(LoadedPair pair, LoadedPair? served, DateTimeOffset now, CertificateOptions policy)
    {
        ChainFlaw[] flaws = [.. ChainRules.FlawsOf(pair, now, policy)];
        var servedFlaws = flaws.Length > 0 && served is not null && served.Leaf.IsValidAt(now)
            ? ChainRules.FlawsOf(served, now, policy).Select(flaw => flaw.Reason).ToHashSet()
            : null;
        foreach (var (reason, description, remedy) in flaws)
        {
            var isRejected = servedFlaws is not null
                ? !servedFlaws.Contains(reason)
                : served is null && policy.RequireValidFirst && reason is RejectionReason.IntermediateExpired or RejectionReason.IntermediateNotYetValid;
            yield return new Finding(isRejected ? reason : null, $"{description}{Unless(isRejected)}; {remedy}.");
        }

        // Firefox (mozilla::pkix) and rustls refuse it. Clients that trust a self-signed leaf have configured it themselves.
        if (ChainRules.IsAuthority(pair.Leaf) && !pair.Leaf.IsSelfIssued() && !Array.Exists(flaws, flaw => flaw.Reason == RejectionReason.LeafIsAuthority))
        {
            yield return new Finding(
                Reason: null,
                $"The leaf in {policy.CertificatePath} is an authority by its basic constraints, for which some clients refuse it; issue one that is not.");
        }
    }

    private static IEnumerable<Finding> OfEnd(LoadedPair pair, LoadedPair? served, CertificateOptions policy)
    {
        if (served is not null && LacksIssuerOf(pair, served))
        {
            yield return new Finding(
                Reason: null,
                $"{policy.CertificatePath} ends before an issuer that clients may not have, and the served chain does not; append the intermediates.");
        }
    }

    private static bool Covers(LoadedPair pair, string name) => pair.Leaf.MatchesHostname(name, allowWildcards: true, allowCommonName: false);

    private static string Unless(bool isRejected) => isRejected ? "" : ", and is served as nothing better is";

    /// <summary>Whether the chain looks as if intermediates are still to be appended to the file.</summary>
    /// <remarks>
    /// It does if the issuer of its last certificate is an intermediate that is served, by name. An issuer with a new name may be a renewed
    /// intermediate, or a root, which is not sent. A file with only a leaf shows which: a leaf that contains the address of its issuer's certificate
    /// (RFC 5280, 4.2.2.1) has an issuer that clients may lack, unless it is the issuer of the last served intermediate. Public authorities, which
    /// rename their intermediates, all write that address. An incomplete chain that is taken for a complete one is served until the rest is read.
    /// </remarks>
    private static bool LacksIssuerOf(LoadedPair pair, LoadedPair served)
    {
        var last = pair.Intermediates.LastOrDefault() ?? pair.Leaf;
        if (served.Intermediates.Count == 0 || pair.EndsAtRoot)
            return false;
        return served.Intermediates.Any(issuer => last.IsIssuedBy(issuer))
            || (pair.Intermediates.Count == 0 && !last.HasSameIssuerAs(served.Intermediates[^1]) && NamesIssuerAddress(last));
    }

    /// <summary>Whether a certificate contains the address of its issuer's certificate (RFC 5280, 4.2.2.1).</summary>
    public static bool NamesIssuerAddress(X509Certificate2 certificate)
    {
        try
        {
            return certificate.Extensions.OfType<X509AuthorityInformationAccessExtension>().Any(access => access.EnumerateCAIssuersUris().Any());
        }
        catch (CryptographicException)
        {
            return false; // Clients ignore an extension that cannot be decoded.
        }
    }
}
