using System.Security.Cryptography.X509Certificates;
using CertActors.Diagnostics;

namespace CertActors.Verifying;

/// <summary>Writes why a peer's certificate is refused, from public facts alone.</summary>
internal static class Refusals
{
    // A peer chooses its names: they may be long.
    private const int MaxNameLength = 200;

    public static TrustResult NotPresented() =>
        new() { Refusal = TrustRefusal.NotPresented, Message = "A peer without a certificate is refused: one is required." };

    public static TrustResult WrongName(X509Certificate2 leaf) => Of(TrustRefusal.WrongName, leaf, "it was not issued for the host name");

    public static TrustResult NoName(X509Certificate2 leaf) =>
        Of(TrustRefusal.WrongName, leaf, "the client's options name no host that it must be issued for; set their TargetHost");

    public static TrustResult Untrusted(X509Certificate2 leaf, X509Certificate2 last, bool isSignatureInvalid) =>
        Of(TrustRefusal.Untrusted, leaf, isSignatureInvalid
            ? $"{Other(leaf, last)} was not signed by the issuer of that name"
            : $"{Other(leaf, last)} leads to no certificate of the trust bundle");

    public static TrustResult Revoked(X509Certificate2 leaf, X509Certificate2 revoked, RevocationListFacts list) =>
        Of(TrustRefusal.Revoked, leaf, $"{Other(leaf, revoked)} is on the revocation list of {list.ThisUpdate:u}");

    public static TrustResult Stale(X509Certificate2 leaf, RevocationListFacts list) =>
        Of(TrustRefusal.StaleRevocationList, leaf, $"the revocation list of {Name(list.Issuer)} is stale since {list.NextUpdate:u}");

    /// <summary>What the platform has found wrong with a certificate of the chain.</summary>
    public static TrustResult Of(X509Certificate2 leaf, X509Certificate2 certificate, X509ChainStatusFlags flags, DateTimeOffset now)
    {
        var which = Other(leaf, certificate);
        return flags switch
        {
            _ when !flags.HasFlag(X509ChainStatusFlags.NotTimeValid) => flags.HasFlag(X509ChainStatusFlags.NotValidForUsage)
                ? Of(TrustRefusal.WrongPurpose, leaf, $"{which} or an issuer excludes this purpose by its extended key usage")
                : Of(TrustRefusal.ConstraintViolated, leaf, $"{which} violates what its issuers may issue ({flags})"),
            _ when certificate.NotBefore.ToUniversalTime() > now =>
                Of(TrustRefusal.NotYetValid, leaf, $"{which} is not valid before {certificate.NotBefore.ToUniversalTime():u}"),
            _ => Of(TrustRefusal.Expired, leaf, $"{which} expired at {certificate.NotAfter.ToUniversalTime():u}"),
        };
    }

    public static TrustResult Malformed(X509Certificate2 leaf, Exception error)
    {
        // The exception's own message is left out, as it might quote the certificate.
        var what = $"the check failed ({error.GetType().Name})";
        try
        {
            return Of(TrustRefusal.Malformed, leaf, what);
        }
        catch (Exception)
        {
            return new TrustResult { Refusal = TrustRefusal.Malformed, Message = $"A certificate that cannot be decoded is refused: {what}." };
        }
    }

    private static TrustResult Of(TrustRefusal refusal, X509Certificate2 leaf, string what) =>
        new() { Refusal = refusal, Message = $"{Describe(leaf)} is refused: {what}." };

    private static string Other(X509Certificate2 leaf, X509Certificate2 certificate) =>
        leaf.RawDataMemory.Span.SequenceEqual(certificate.RawDataMemory.Span) ? "it" : Describe(certificate);

    private static string Describe(X509Certificate2 certificate) =>
        $"{Name(certificate.Subject)} (serial number {Name(certificate.SerialNumber)}, issued by {Name(certificate.Issuer)})";

    private static string Name(string name) => Printable.Of(name.Length <= MaxNameLength ? name : name[..MaxNameLength] + "…");
}
