using System.Formats.Asn1;
using System.Security.Cryptography.X509Certificates;

namespace CertActors.Reloading;

/// <summary>
/// Decides whether a pair is to be served: a function of the bytes, what is served now, the time and the policy, and of nothing else.
/// </summary>
internal static class Judge
{
    private const int ShortestRsaKey = 2048;
    private const string AnyPurpose = "2.5.29.37.0"; // RFC 5280, 4.2.1.12
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
            pair = PairParser.Parse(content, policy);
            if (served is not null && pair.HasSameChainAs(served))
            {
                pair.Dispose();
                return Verdict.Unchanged.Instance;
            }

            RefuseWhatIsNeverServed(pair, policy);
            List<string> warnings = [];
            CompareValidity(pair, served, now, policy, warnings);
            CompareNames(pair, served, policy, warnings);
            var lacksIssuer = served is not null && LacksIssuerOf(pair, served);
            if (lacksIssuer)
                warnings.Add($"{policy.CertificatePath} ends before the issuer that the chain served before went on with, so that clients may not trust it; append the intermediates");
            pair.Prepare();
            return new Verdict.Accepted(pair, warnings, lacksIssuer);
        }
        catch (RejectedException rejected)
        {
            pair?.Dispose();
            return new Verdict.Rejected(rejected.Reason, rejected.Message);
        }
        catch (Exception fault) when (fault is not OutOfMemoryException)
        {
            // Whatever bytes can do to a parser is their fault. What the parser says of them isn't passed on: it may quote a key.
            pair?.Dispose();
            return new Verdict.Rejected(
                RejectionReason.CertificateMalformed,
                $"{policy.CertificatePath} or {policy.KeyPath} can't be decoded ({fault.GetType().Name}); write both anew.");
        }
    }

    private static void RefuseWhatIsNeverServed(LoadedPair pair, CertificateOptions policy)
    {
        var purpose = policy.Purpose == CertificatePurpose.ClientAuthentication ? "1.3.6.1.5.5.7.3.2" : "1.3.6.1.5.5.7.3.1";
        var uses = pair.Leaf.Extensions.OfType<X509EnhancedKeyUsageExtension>().FirstOrDefault()?.EnhancedKeyUsages;
        if (uses is not null && uses[purpose] is null && uses[AnyPurpose] is null)
        {
            throw new RejectedException(
                RejectionReason.PurposeExcluded,
                $"The leaf in {policy.CertificatePath} excludes {policy.Purpose} by its extended key usage; have one issued that allows it.");
        }

        foreach (var certificate in pair.Intermediates.Prepend(pair.Leaf))
        {
            using var key = certificate.GetRSAPublicKey();
            if (key is { KeySize: < ShortestRsaKey })
            {
                throw new RejectedException(
                    RejectionReason.TooWeak,
                    $"{policy.CertificatePath} holds a certificate with an RSA key of {key.KeySize} bits; use keys of {ShortestRsaKey} bits or more.");
            }

            if (HasWeakSignature(certificate))
            {
                throw new RejectedException(
                    RejectionReason.TooWeak,
                    $"{policy.CertificatePath} holds a certificate that is signed on SHA-1 or MD5; have it issued on SHA-256 or better.");
            }
        }
    }

    private static void CompareValidity(LoadedPair pair, LoadedPair? served, DateTimeOffset now, CertificateOptions policy, List<string> warnings)
    {
        var (next, current) = (pair.Facts, served?.Facts);
        var isCurrentValid = current is not null && current.NotBefore <= now && now <= current.NotAfter;
        if (next.NotAfter < now)
        {
            var what = $"The leaf in {policy.CertificatePath} has expired at {next.NotAfter:u}";
            if (current is null ? policy.RequireValidFirst : current.NotAfter > next.NotAfter)
                throw new RejectedException(RejectionReason.Expired, $"{what}; renew it.");
            warnings.Add($"{what}, and is served as there's nothing better; renew it");
        }
        else if (next.NotBefore > now)
        {
            var what = $"The leaf in {policy.CertificatePath} isn't valid before {next.NotBefore:u}";
            if (current is null ? policy.RequireValidFirst : isCurrentValid)
                throw new RejectedException(RejectionReason.NotYetValid, $"{what}; it's taken once it is, or check this machine's clock.");
            warnings.Add($"{what}, and is served as there's nothing better; check this machine's clock");
        }

        if (isCurrentValid && policy.AllowedExpirySetback is { } allowed && current!.NotAfter - next.NotAfter > allowed)
        {
            throw new RejectedException(
                RejectionReason.EarlierExpiry,
                $"The leaf in {policy.CertificatePath} expires at {next.NotAfter:u}, before the one that is served ({current.NotAfter:u}); was a backup restored? Write the latest pair.");
        }
    }

    private static void CompareNames(LoadedPair pair, LoadedPair? served, CertificateOptions policy, List<string> warnings)
    {
        var missing = policy.RequiredNames.Where(name => !Covers(pair, name)).ToArray();
        var lost = served is null ? [] : missing.Where(name => Covers(served, name)).ToArray();
        if (lost.Length > 0)
        {
            throw new RejectedException(
                RejectionReason.NameLost,
                $"The leaf in {policy.CertificatePath} lacks {string.Join(", ", lost)}, which the one that is served has; have it issued for all names.");
        }

        if (missing.Length > 0)
            warnings.Add($"The leaf in {policy.CertificatePath} lacks {string.Join(", ", missing)}; have it issued for all names");
    }

    private static bool Covers(LoadedPair pair, string name) => pair.Leaf.MatchesHostname(name, allowWildcards: true, allowCommonName: false);

    private static bool LacksIssuerOf(LoadedPair pair, LoadedPair served)
    {
        var last = pair.Intermediates.LastOrDefault() ?? pair.Leaf;
        if (served.Intermediates.Count == 0 || PairParser.IsSelfIssued(last))
            return false;
        return pair.Intermediates.Count == 0 || served.Intermediates.Any(issuer => PairParser.IsIssuedBy(last, issuer));
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
