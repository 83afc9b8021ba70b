using System.Net.Security;
using System.Security.Cryptography.X509Certificates;

namespace CertActors.Verifying;

/// <summary>The check of the peer in an <see cref="SslStream"/>, of clients or of a server.</summary>
/// <remarks>
/// SslStream builds one chain at each handshake, also of a resumed session, and calls back. The chain is built by the policy of the bundle, and judged
/// in the callback, so that it is not built for a second time.
/// </remarks>
/// <param name="bundle">The trust bundle.</param>
/// <param name="verifier">The check against the bundle.</param>
/// <param name="clock">Returns the time.</param>
/// <param name="onRefused">Called with each refusal.</param>
/// <param name="onAccepted">Called with each certificate that is accepted, and the time of it; null for nobody.</param>
internal sealed class HandshakeCheck(
    LoadedBundle bundle,
    PeerVerifier verifier,
    Func<DateTimeOffset> clock,
    Action<TrustResult> onRefused,
    Action<TrustResult, X509Certificate2, DateTimeOffset>? onAccepted)
{
    private const string RevalidatesOnResume = "System.Net.Security.RevalidateCertificateOnTlsResume";

    // From .NET 11 on, no callback is called for a resumed session, unless this switch is set.
    static HandshakeCheck()
    {
        if (!AppContext.TryGetSwitch(RevalidatesOnResume, out _))
            AppContext.SetSwitch(RevalidatesOnResume, true);
    }

    /// <summary>Has clients checked.</summary>
    /// <param name="options">The options of a handshake.</param>
    /// <param name="isRequired">Whether clients without a certificate are refused.</param>
    public void Apply(SslServerAuthenticationOptions options, bool isRequired)
    {
        options.ClientCertificateRequired = true; // Without it, none is asked for. Whether it is required is for the callback to decide.
        options.CertificateChainPolicy = bundle.PolicyFor(CertificatePurpose.ClientAuthentication);
        options.RemoteCertificateValidationCallback = (_, certificate, chain, _) =>
        {
            if (certificate is not X509Certificate2 leaf || chain is null)
                return !isRequired || Refuse(Refusals.NotPresented());
            var now = clock();
            return Accepts(verifier.Verify(leaf, chain, now), leaf, now);
        };
    }

    /// <summary>Has the server checked, including its host name.</summary>
    /// <param name="options">The options of a handshake.</param>
    public void Apply(SslClientAuthenticationOptions options)
    {
        options.CertificateChainPolicy = bundle.PolicyFor(CertificatePurpose.ServerAuthentication);
        options.RemoteCertificateValidationCallback = (connection, certificate, chain, errors) =>
        {
            if (certificate is not X509Certificate2 leaf || chain is null)
                return Refuse(Refusals.NotPresented());
            var now = clock();
            var result = verifier.Verify(leaf, chain, now);
            if (result.IsAccepted && errors.HasFlag(SslPolicyErrors.RemoteCertificateNameMismatch))
                result = connection is SslStream { TargetHostName: null or "" } ? Refusals.NoName(leaf) : Refusals.WrongName(leaf);
            return Accepts(result, leaf, now);
        };
    }

    private bool Accepts(TrustResult result, X509Certificate2 leaf, DateTimeOffset now)
    {
        if (!result.IsAccepted)
            return Refuse(result);
        onAccepted?.Invoke(result, leaf, now);
        return true;
    }

    private bool Refuse(TrustResult result)
    {
        onRefused(result);
        return false;
    }
}
