using System.Security.Cryptography.X509Certificates;

namespace CertActors.Reloading.Formats;

/// <summary>Verifies certificate signatures with OpenSSL or the platform's library, for every algorithm that clients support.</summary>
internal static class CertificateSignature
{
    /// <returns>
    /// Whether a client that is sent both certificates takes the issuer's key as the one that signed. A wrong authority key identifier is no match.
    /// </returns>
    /// <remarks>
    /// The operating system's trusted roots are not read: they make no difference here, and there may be thousands of pairs. One call takes
    /// 0.1 ms for ECDSA P-256.
    /// </remarks>
    public static bool IsBy(X509Certificate2 certificate, X509Certificate2 issuer)
    {
        using var chain = new X509Chain();
        chain.ChainPolicy.TrustMode = X509ChainTrustMode.CustomRootTrust;
        chain.ChainPolicy.RevocationMode = X509RevocationMode.NoCheck;
        chain.ChainPolicy.DisableCertificateDownloads = true;
        chain.ChainPolicy.VerificationFlags = X509VerificationFlags.AllFlags;
        chain.ChainPolicy.ExtraStore.Add(issuer);
        chain.Build(certificate);
        try
        {
            // The chain may contain another issuer of the same name, from the user's certificate store: only the key counts.
            return chain.ChainElements.Count > 1
                && HaveSameKey(chain.ChainElements[1].Certificate, issuer)
                && chain.ChainElements[0].ChainElementStatus.All(status => status.Status != X509ChainStatusFlags.NotSignatureValid);
        }
        finally
        {
            foreach (var element in chain.ChainElements)
                element.Certificate.Dispose();
        }
    }

    private static bool HaveSameKey(X509Certificate2 one, X509Certificate2 other) =>
        one.PublicKey.ExportSubjectPublicKeyInfo().AsSpan().SequenceEqual(other.PublicKey.ExportSubjectPublicKeyInfo());
}
