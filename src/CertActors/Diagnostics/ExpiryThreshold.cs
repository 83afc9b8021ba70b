namespace CertActors.Diagnostics;

/// <summary>How long before its end a certificate is reported at the earliest.</summary>
internal static class ExpiryThreshold
{
    // A certificate that is valid for a week is renewed within that week: a threshold of 30 days would report it from its start.
    private const int LargestPartOfLifetime = 3;

    /// <returns>The largest threshold that applies to a certificate.</returns>
    /// <param name="certificate">The certificate.</param>
    /// <param name="leaf">What an intermediate is sent with, if it has a shorter life: it is renewed with it.</param>
    public static TimeSpan MaxOf(CertificateFacts certificate, CertificateFacts? leaf = null)
    {
        var (life, leafLife) = (certificate.NotAfter - certificate.NotBefore, leaf?.NotAfter - leaf?.NotBefore);
        return (leafLife < life ? leafLife.Value : life) / LargestPartOfLifetime;
    }
}
