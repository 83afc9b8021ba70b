using System.Net.Security;
using System.Security.Authentication;

namespace CertActors;

/// <summary>What one handshake of a server uses: its certificate, and what the client is verified against. Both were served at one moment.</summary>
public sealed class ServerIdentity
{
    private readonly CertificateHolder _holder;
    private readonly ClientCertificates _clients;
    private readonly SslProtocols _protocols;
    private readonly bool _resumes;

    internal ServerIdentity(CertificateHolder holder, ServingCertificate certificate, TrustBundle? trustBundle, CertificateServerOptions options)
    {
        _holder = holder;
        Certificate = certificate;
        TrustBundle = trustBundle;
        _clients = options.ClientCertificates;

        // A session with a client certificate that is resumed where none is asked for fails, and so does one without where one is required.
        _protocols = ProtocolsOf(options);
        _resumes = holder.ClaimSessions(options);
    }

    /// <summary>
    /// The versions of TLS. .NET caches sessions by the certificate and this value: <see cref="SslProtocols.None"/> and <c>Tls12 | Tls13</c> are different
    /// keys for the same versions.
    /// </summary>
    internal static SslProtocols ProtocolsOf(CertificateServerOptions options) =>
        options is { Protocols: SslProtocols.None, ClientCertificates: not ClientCertificates.None }
            ? SslProtocols.Tls12 | SslProtocols.Tls13
            : options.Protocols;

    /// <summary>The certificate of the server.</summary>
    public ServingCertificate Certificate { get; }

    /// <summary>What the client is verified against; null if no client is asked for a certificate.</summary>
    public TrustBundle? TrustBundle { get; }

    /// <summary>Creates the options of the handshake.</summary>
    /// <remarks>
    /// A client is verified at each handshake, also if it resumes a session: no session of before a swap of the trust bundle brings it past what is
    /// served now. A swap of the certificate ends all sessions. A refused client fails its handshake alone; it is counted in
    /// <see cref="TrustBundleStatus.Refused"/>, and the log of the supervisor has the reason, once a minute for each bundle.
    /// </remarks>
    /// <returns>New options, which may be changed.</returns>
    public SslServerAuthenticationOptions CreateOptions()
    {
        var options = new SslServerAuthenticationOptions { ServerCertificateContext = Certificate.Context, EnabledSslProtocols = _protocols, AllowTlsResume = _resumes };
        TrustBundle?.HandshakeCheck(_holder.Clock, _holder.RefusalsOf(TrustBundle.Name), _holder.AcceptancesOf(TrustBundle.Name))
            .Apply(options, isRequired: _clients == ClientCertificates.Require);
        return options;
    }
}
