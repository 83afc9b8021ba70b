using System.Security.Cryptography.X509Certificates;
using CertActors.Reloading.Formats;

namespace CertActors.Reloading.Judging;

/// <summary>Something for which clients refuse a chain.</summary>
/// <param name="Reason">The reason to reject the pair by, where a better one is served.</param>
/// <param name="Description">The file, and what is wrong with which of its certificates.</param>
/// <param name="Remedy">What to do about it.</param>
internal sealed record ChainFlaw(RejectionReason Reason, string Description, string Remedy);

/// <summary>What clients check of the chain that they are sent (RFC 5280, 6.1; RFC 8446, 4.4.2.2).</summary>
/// <remarks>
/// A flaw is what OpenSSL, GnuTLS or .NET refuses; the integration tests compare each with what OpenSSL and .NET do. Three cases cannot be
/// judged by the chain alone:
/// <list type="bullet">
/// <item>A client that has the issuer's key from elsewhere accepts an expired intermediate: it may have the root that the intermediate is the
/// cross-certificate of, or a cached renewal. It is a flaw nevertheless. As it only counts against a valid chain that is served and has no such
/// intermediate, rejecting it fails no client, and accepting it fails every other client.</item>
/// <item>A missing intermediate cannot be distinguished from a root, which is not sent: a leaf without a chain has no flaw.</item>
/// <item>The root is not known. Whether it has signed the last intermediate, and whether clients trust it, is not checked.</item>
/// </list>
/// A leaf that is an authority by its basic constraints is no flaw: OpenSSL, GnuTLS and .NET accept it if its key usage allows TLS.
/// Name constraints and certificate policies are not checked.
/// </remarks>
internal static class ChainRules
{
    private const string AnyPurpose = "2.5.29.37.0"; // RFC 5280, 4.2.1.12
    private const string ServerAuthentication = "1.3.6.1.5.5.7.3.1";
    private const string ClientAuthentication = "1.3.6.1.5.5.7.3.2";

    /// <returns>The flaws of a pair, regardless of what is served.</returns>
    public static IEnumerable<ChainFlaw> FlawsOf(LoadedPair pair, DateTimeOffset now, CertificateOptions policy)
    {
        var path = policy.CertificatePath;
        return [.. OfLeaf(pair.Leaf, policy), .. OfIntermediates(pair, now, policy).Select(flaw => flaw with { Description = $"{path} contains an intermediate {flaw.Description}" })];
    }

    /// <param name="certificate">The certificate.</param>
    /// <param name="purposes">What it is to be used for.</param>
    /// <param name="isAnyEnough">Whether <c>anyExtendedKeyUsage</c> allows every purpose.</param>
    /// <returns>Those of the purposes that the extended key usage of a certificate excludes (RFC 5280, 4.2.1.12); 0 if it allows them.</returns>
    public static CertificatePurpose Excluded(X509Certificate2 certificate, CertificatePurpose purposes, bool isAnyEnough)
    {
        var uses = Extension<X509EnhancedKeyUsageExtension>(certificate)?.EnhancedKeyUsages;
        if (uses is null || (isAnyEnough && uses[AnyPurpose] is not null))
            return 0;
        if (uses[ServerAuthentication] is not null)
            purposes &= ~CertificatePurpose.ServerAuthentication;
        if (uses[ClientAuthentication] is not null)
            purposes &= ~CertificatePurpose.ClientAuthentication;
        return purposes;
    }

    /// <returns>Whether a certificate is an authority by its basic constraints (RFC 5280, 4.2.1.9).</returns>
    public static bool IsAuthority(X509Certificate2 certificate) => Extension<X509BasicConstraintsExtension>(certificate)?.CertificateAuthority == true;

    /// <returns>Whether the key usage of a certificate allows a use (RFC 5280, 4.2.1.3). Without the extension, everything is allowed.</returns>
    public static bool MayBeUsedFor(X509Certificate2 certificate, X509KeyUsageFlags use) =>
        Extension<X509KeyUsageExtension>(certificate) is not { KeyUsages: var allowed } || (allowed & use) == use;

    private static IEnumerable<ChainFlaw> OfLeaf(X509Certificate2 leaf, CertificateOptions policy)
    {
        if (!MayBeUsedFor(leaf, X509KeyUsageFlags.DigitalSignature))
        {
            yield return IsAuthority(leaf)
                ? new ChainFlaw(
                    RejectionReason.LeafIsAuthority,
                    $"{policy.CertificatePath} contains, in place of the leaf, a certificate ({leaf.Subject}) whose key usage only allows it to be an authority",
                    "write the leaf's own pair")
                : new ChainFlaw(
                    RejectionReason.KeyUsageExcluded,
                    $"The leaf in {policy.CertificatePath} excludes TLS by a key usage without digitalSignature",
                    "issue one that allows it");
        }

        // OpenSSL and .NET do not accept anyExtendedKeyUsage for TLS.
        if (Excluded(leaf, policy.Purpose, isAnyEnough: false) is not 0 and var unnamed && Excluded(leaf, policy.Purpose, isAnyEnough: true) == 0)
        {
            yield return new ChainFlaw(
                RejectionReason.PurposeExcluded,
                $"The leaf in {policy.CertificatePath} has an extended key usage that allows any purpose but does not name {unnamed}, which most clients require",
                "issue one that names it");
        }
    }

    private static IEnumerable<ChainFlaw> OfIntermediates(LoadedPair pair, DateTimeOffset now, CertificateOptions policy)
    {
        var issued = pair.Leaf;
        foreach (var (below, intermediate) in pair.Intermediates.Index())
        {
            var name = intermediate.Subject;
            if (!CertificateSignature.IsBy(issued, intermediate))
            {
                yield return new ChainFlaw(
                    RejectionReason.IntermediateNotIssuer,
                    $"({name}) that has the name of the issuer of {issued.Subject}, but not the key that signed it",
                    "write the chain that the leaf was issued with");
            }

            if (intermediate.NotAfter.ToUniversalTime() is var end && end < now)
                yield return new ChainFlaw(RejectionReason.IntermediateExpired, $"({name}) that expired at {end:u}", "write the renewed one in its place");
            if (intermediate.NotBefore.ToUniversalTime() is var start && start > now)
            {
                yield return new ChainFlaw(
                    RejectionReason.IntermediateNotYetValid, $"({name}) that is not valid before {start:u}", "wait until it is, or check this machine's clock");
            }

            if (!IsAuthority(intermediate) || !MayBeUsedFor(intermediate, X509KeyUsageFlags.KeyCertSign))
            {
                yield return new ChainFlaw(
                    RejectionReason.IntermediateNotAuthority,
                    $"({name}) that is not allowed to issue certificates, by its basic constraints or its key usage",
                    "have the leaf issued by an authority that is");
            }

            if (Extension<X509BasicConstraintsExtension>(intermediate) is { HasPathLengthConstraint: true, PathLengthConstraint: var most } && below > most)
            {
                yield return new ChainFlaw(
                    RejectionReason.PathTooLong,
                    $"({name}) that allows a path of {most} intermediates after it, and is followed by {below}",
                    "have the leaf issued by an authority that is allowed to issue it");
            }

            if (Excluded(intermediate, policy.Purpose, isAnyEnough: false) is not 0 and var excluded)
            {
                yield return new ChainFlaw(
                    RejectionReason.PurposeExcluded,
                    $"({name}) that excludes {excluded} by its extended key usage",
                    "have the leaf issued by an authority that allows it");
            }

            issued = intermediate;
        }
    }

    private static T? Extension<T>(X509Certificate2 certificate)
        where T : X509Extension => certificate.Extensions.OfType<T>().FirstOrDefault();
}
