using CertActors.Holding;

namespace CertActors.Tests.Support;

/// <summary>Serving certificates that nobody shakes hands with: they have names and no key.</summary>
internal static class TestServing
{
    /// <summary>Swaps a certificate with these names in, as a pair's reload actor does.</summary>
    public static ServingCertificate Publish(CertificateCell cell, params string[] names)
    {
        var certificate = Make(cell, names);
        cell.Publish(certificate);
        return certificate;
    }

    private static ServingCertificate Make(CertificateCell cell, string[] names)
    {
        var facts = new CertificateFacts
        {
            Sha256 = "",
            SerialNumber = "",
            Subject = "",
            Issuer = "",
            DnsNames = names,
            NotBefore = DateTimeOffset.UnixEpoch,
            NotAfter = DateTimeOffset.UnixEpoch,
        };
        var change = new CertificateChanged
        {
            Name = cell.Name,
            Generation = 1,
            Previous = null,
            Current = facts,
            Reason = ReloadReason.Start,
            At = DateTimeOffset.UnixEpoch,
        };
        return new ServingCertificate(cell, change, pair: null!);
    }
}
