using System.Formats.Asn1;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using CertActors.Reloading.Formats;

namespace CertActors.Reloading.Judging;

/// <summary>Something to be known of a pair.</summary>
/// <param name="Reason">Why it isn't served for that; null if it is all the same.</param>
/// <param name="Message">What, for people: path, reason, remedy.</param>
internal sealed record Finding(RejectionReason? Reason, string Message);

/// <summary>
/// Decides whether a pair is to be served: a function of the bytes, what is served now, the time and the policy, and of nothing else.
/// </summary>
internal static class Judge
{
    private const int ShortestRsaKey = 2048;
    private const string RsaPss = "1.2.840.113549.1.1.10"; // RFC 4055, 3.1
    private const string Sha1 = "1.3.14.3.2.26";
    private const string Md5 = "1.2.840.113549.2.5";

    // Signatures on MD2, MD4, MD5 and SHA-1: with RSA, with DSA and with ECDSA.
    private static readonly string[] WeakSignatures =
    [
        "1.2.840.113549.1.1.2", "1.2.840.113549.1.1.3", "1.2.840.113549.1.1.4", "1.2.840.113549.1.1.5", "1.3.14.3.2.29",
        "1.2.840.10040.4.3", "1.2.840.10045.4.1",
    ];

    public static Verdict Of(PairContent content, LoadedPair? served, DateTimeOffset now, CertificateOptions policy)
    {
        LoadedPair? pair = null;
        try
        {
            pair = PairParser.Parse(content, policy, now);
            if (served is not null && pair.HasSameChainAs(served))
            {
                pair.Dispose();
                return Verdict.Unchanged.Instance;
            }

            Finding[] findings = [.. Findings(pair, served, now, policy)];
            if (Array.Find(findings, finding => finding.Reason is not null) is { } fatal)
            {
                pair.Dispose();
                return new Verdict.Rejected(fatal.Reason!.Value, fatal.Message);
            }

            pair.Prepare();
            return new Verdict.Accepted(pair, [.. findings.Select(finding => finding.Message)], served is not null && LacksIssuerOf(pair, served));
        }
        catch (Exception fault) when (FindingOf(fault, policy) is { } finding)
        {
            pair?.Dispose();
            return new Verdict.Rejected(finding.Reason!.Value, finding.Message);
        }
    }

    /// <summary>What is to be said of a pair, whether it's to be served or not.</summary>
    /// <param name="pair">The pair.</param>
    /// <param name="served">What is served now; null if nothing is.</param>
    /// <param name="now">The time.</param>
    /// <param name="policy">The rules.</param>
    /// <param name="demandsNames">Whether a first pair is to have the required names, too.</param>
    public static IEnumerable<Finding> Findings(
        LoadedPair pair, LoadedPair? served, DateTimeOffset now, CertificateOptions policy, bool demandsNames = false) =>
    [
        .. OfUse(pair, policy),
        .. OfStrength(pair, policy),
        .. OfValidity(pair, served, now, policy),
        .. OfNames(pair, served, policy, demandsNames),
        .. OfChain(pair, served, now, policy),
        .. OfEnd(pair, served, policy),
    ];

    /// <returns>What to say of a pair that couldn't be parsed; null where that isn't the fault of its bytes.</returns>
    public static Finding? FindingOf(Exception fault, CertificateOptions policy) => fault switch
    {
        RejectedException rejected => new Finding(rejected.Reason, rejected.Message),
        OutOfMemoryException => null,

        // Whatever bytes can do to a parser is their fault. What the parser says of them isn't passed on: it may quote a key.
        _ => new Finding(
            RejectionReason.CertificateMalformed,
            $"{policy.CertificatePath} or {policy.KeyPath} can't be decoded ({fault.GetType().Name}); write both anew."),
    };

    private static IEnumerable<Finding> OfUse(LoadedPair pair, CertificateOptions policy)
    {
        if (ChainRules.Excludes(pair.Leaf, policy.Purpose, isAnyEnough: true))
        {
            yield return new Finding(
                RejectionReason.PurposeExcluded,
                $"The leaf in {policy.CertificatePath} excludes {policy.Purpose} by its extended key usage; have one issued that allows it.");
        }
    }

    private static IEnumerable<Finding> OfStrength(LoadedPair pair, CertificateOptions policy)
    {
        foreach (var certificate in pair.Intermediates.Prepend(pair.Leaf))
        {
            var which = $"{policy.CertificatePath} holds a certificate ({certificate.Subject})";
            using var key = certificate.GetRSAPublicKey();
            if (key is { KeySize: < ShortestRsaKey })
            {
                yield return new Finding(
                    RejectionReason.TooWeak, $"{which} with an RSA key of {key.KeySize} bits; use keys of {ShortestRsaKey} bits or more.");
            }

            if (HasWeakSignature(certificate))
                yield return new Finding(RejectionReason.TooWeak, $"{which} that is signed on SHA-1 or MD5; have it issued on SHA-256 or better.");
        }
    }

    private static IEnumerable<Finding> OfValidity(LoadedPair pair, LoadedPair? served, DateTimeOffset now, CertificateOptions policy)
    {
        var (next, current) = (pair.Facts, served?.Facts);
        var isCurrentValid = served is not null && IsValid(served, now);
        if (next.NotAfter < now)
        {
            var isRejected = current is null ? policy.RequireValidFirst : current.NotAfter > next.NotAfter;
            yield return new Finding(
                isRejected ? RejectionReason.Expired : null,
                $"The leaf in {policy.CertificatePath} has expired at {next.NotAfter:u}{Unless(isRejected)}; renew it.");
        }
        else if (next.NotBefore > now)
        {
            var isRejected = current is null ? policy.RequireValidFirst : isCurrentValid;
            yield return new Finding(
                isRejected ? RejectionReason.NotYetValid : null,
                $"The leaf in {policy.CertificatePath} isn't valid before {next.NotBefore:u}{Unless(isRejected)}; wait until it is, or check this machine's clock.");
        }

        if (isCurrentValid && policy.AllowedExpirySetback is { } allowed && current!.NotAfter - next.NotAfter > allowed)
        {
            yield return new Finding(
                RejectionReason.EarlierExpiry,
                $"The leaf in {policy.CertificatePath} expires at {next.NotAfter:u}, before the one that is served ({current.NotAfter:u}); was a backup restored? Write the latest pair.");
        }
    }

    private static IEnumerable<Finding> OfNames(LoadedPair pair, LoadedPair? served, CertificateOptions policy, bool demandsNames)
    {
        string[] missing = [.. policy.RequiredNames.Where(name => !Covers(pair, name))];
        if (missing.Length == 0)
            yield break;

        var isLost = served is not null && missing.Any(name => Covers(served, name));
        yield return new Finding(
            isLost || demandsNames ? RejectionReason.NameLost : null,
            $"The leaf in {policy.CertificatePath} lacks {string.Join(", ", missing)}{(isLost ? ", of which the one that is served has some" : "")}; have it issued for all names.");
    }

    // What clients refuse is rejected where what is served is better: valid, and without that flaw.
    private static IEnumerable<Finding> OfChain(LoadedPair pair, LoadedPair? served, DateTimeOffset now, CertificateOptions policy)
    {
        ChainFlaw[] flaws = [.. ChainRules.FlawsOf(pair, now, policy)];
        var servedFlaws = flaws.Length > 0 && served is not null && IsValid(served, now)
            ? ChainRules.FlawsOf(served, now, policy).Select(flaw => flaw.Reason).ToHashSet()
            : null;
        foreach (var (reason, what, remedy) in flaws)
        {
            var isRejected = servedFlaws is not null
                ? !servedFlaws.Contains(reason)
                : served is null && policy.RequireValidFirst && reason is RejectionReason.IntermediateExpired or RejectionReason.IntermediateNotYetValid;
            yield return new Finding(isRejected ? reason : null, $"{what}{Unless(isRejected)}; {remedy}.");
        }

        // Firefox (mozilla::pkix) and rustls refuse it. A self-signed one is left alone: clients that trust it have chosen it.
        if (ChainRules.IsAuthority(pair.Leaf) && !PairParser.IsSelfIssued(pair.Leaf) && !Array.Exists(flaws, flaw => flaw.Reason == RejectionReason.LeafIsAuthority))
        {
            yield return new Finding(
                Reason: null,
                $"The leaf in {policy.CertificatePath} is an authority by its basic constraints, for which some clients refuse it; have one issued that isn't.");
        }
    }

    private static IEnumerable<Finding> OfEnd(LoadedPair pair, LoadedPair? served, CertificateOptions policy)
    {
        if (served is not null && LacksIssuerOf(pair, served))
        {
            yield return new Finding(
                Reason: null,
                $"{policy.CertificatePath} ends before an issuer that clients may not have, where the served chain goes on; append the intermediates.");
        }
    }

    private static bool Covers(LoadedPair pair, string name) => pair.Leaf.MatchesHostname(name, allowWildcards: true, allowCommonName: false);

    private static bool IsValid(LoadedPair pair, DateTimeOffset now) => pair.Facts.NotBefore <= now && now <= pair.Facts.NotAfter;

    private static string Unless(bool isRejected) => isRejected ? "" : ", and is served where there is nothing better";

    /// <summary>Whether the file looks like a chain that is still being appended to.</summary>
    /// <remarks>
    /// It does where its last certificate was issued by an intermediate that is served, by name. Where the issuer has a new name, it may be a renewed
    /// intermediate or a root, and roots aren't sent. A leaf alone says which: one that names an address of its issuer's certificate (RFC 5280,
    /// 4.2.2.1) has an issuer that clients may lack, unless that is the one which the served chain ends at. Public authorities, which rename their
    /// intermediates, all write that address. What this takes for a root, and is a half written chain, is served until the rest is read.
    /// </remarks>
    private static bool LacksIssuerOf(LoadedPair pair, LoadedPair served)
    {
        var last = pair.Intermediates.LastOrDefault() ?? pair.Leaf;
        if (served.Intermediates.Count == 0 || pair.EndsAtRoot)
            return false;
        return served.Intermediates.Any(issuer => PairParser.IsIssuedBy(last, issuer))
            || (pair.Intermediates.Count == 0 && !PairParser.HaveSameIssuer(last, served.Intermediates[^1]) && NamesIssuerAddress(last));
    }

    private static bool NamesIssuerAddress(X509Certificate2 certificate)
    {
        try
        {
            return certificate.Extensions.OfType<X509AuthorityInformationAccessExtension>().Any(access => access.EnumerateCAIssuersUris().Any());
        }
        catch (CryptographicException)
        {
            return false; // What can't be decoded names nothing; clients don't look at it.
        }
    }

    private static bool HasWeakSignature(X509Certificate2 certificate)
    {
        var algorithm = certificate.SignatureAlgorithm.Value;
        return WeakSignatures.Contains(algorithm) || (algorithm == RsaPss && HashOfPss(certificate) is Sha1 or Md5);
    }

    // With RSA-PSS the hash is a parameter of the algorithm, which .NET doesn't offer; SHA-1 unless it's named.
    private static string HashOfPss(X509Certificate2 certificate)
    {
        var parts = new AsnReader(certificate.RawDataMemory, AsnEncodingRules.DER).ReadSequence();
        parts.ReadEncodedValue();
        var algorithm = parts.ReadSequence();
        algorithm.ReadObjectIdentifier();
        var parameters = algorithm.ReadSequence();
        var hash = new Asn1Tag(TagClass.ContextSpecific, 0, isConstructed: true);
        return parameters.HasData && parameters.PeekTag().HasSameClassAndValue(hash)
            ? parameters.ReadSequence(hash).ReadSequence().ReadObjectIdentifier()
            : Sha1;
    }
}
