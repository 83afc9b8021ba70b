using System.Net.Security;

namespace CertActors.Clients;

/// <summary>The identity and the trust of a client's handshakes, as both were at one moment.</summary>
internal sealed class ClientSnapshot
{
    private readonly CertificateHolder _holder;

    private ClientSnapshot(CertificateHolder holder, ServingCertificate? certificate, TrustBundle? bundle)
    {
        _holder = holder;
        Certificate = certificate;
        Bundle = bundle;
    }

    /// <summary>What is sent to the server; null for nothing.</summary>
    public ServingCertificate? Certificate { get; }

    /// <summary>What the server is verified against; null for the trust of the system.</summary>
    public TrustBundle? Bundle { get; }

    /// <summary>Whether neither the pair nor the bundle was swapped or removed.</summary>
    public bool IsCurrent =>
        (Certificate is null || ReferenceEquals(Certificate, _holder.Get(Certificate.Name)))
        && (Bundle is null || ReferenceEquals(Bundle, _holder.GetTrustBundle(Bundle.Name)));

    /// <exception cref="CertificateNotLoadedException">The pair or the bundle is not loaded.</exception>
    public static ClientSnapshot Take(CertificateHolder holder, string? pair, string? bundle)
    {
        while (true)
        {
            var certificate = pair is null ? null : holder.Get(pair) ?? throw holder.WhyNotLoaded(pair);
            var trust = bundle is null ? null : holder.GetTrustBundle(bundle) ?? throw holder.WhyBundleNotLoaded(bundle);

            // If the certificate is still the same, it was current when the bundle was read.
            if (ReferenceEquals(certificate, holder.Get(pair)))
                return new ClientSnapshot(holder, certificate, trust);
        }
    }

    /// <summary>Sends the certificate, and has the server checked, including its host name.</summary>
    public void Apply(SslClientAuthenticationOptions options)
    {
        options.ClientCertificateContext = Certificate?.Context;
        Bundle?.HandshakeCheck(_holder.Clock, Refuse, _holder.AcceptancesOf(Bundle.Name)).Apply(options);
    }

    // An exception of the callback has the reason, where a refusal by its result has none.
    private void Refuse(TrustResult result)
    {
        _holder.RefusalsOf(Bundle!.Name)(result);
        throw new ServerRefusedException($"The server is refused by the trust bundle {Bundle}. {result.Message}");
    }
}
