using System.Net.Security;
using System.Security.Authentication;
using CertActors.Clients;

namespace CertActors;

/// <summary>Creates the options of TLS handshakes by <see cref="SslStream"/> from what a <see cref="CertificateHolder"/> serves.</summary>
public static class CertificateTlsExtensions
{
    /// <summary>For a server that authenticates connections by <see cref="SslStream"/>: selects the options of each handshake.</summary>
    /// <remarks>
    /// A handshake fails with <see cref="AuthenticationException"/> if nothing may be served. It does not count the connection: see
    /// <see cref="ServingCertificate.BeginConnection"/>.
    /// </remarks>
    /// <param name="holder">What the server serves.</param>
    /// <param name="options">How the server selects and checks; null for the defaults.</param>
    /// <returns>The callback for <see cref="SslStream.AuthenticateAsServerAsync(ServerOptionsSelectionCallback, object?, CancellationToken)"/>.</returns>
    /// <exception cref="CertificateOptionsException">The options are invalid; every error is listed.</exception>
    /// <example>
    /// <code>
    /// var selectOptions = holder.ServerOptionsCallback(new CertificateServerOptions { ClientCertificates = ClientCertificates.Require, TrustBundle = "clients" });
    /// await tls.AuthenticateAsServerAsync(selectOptions, state: null);
    /// </code>
    /// </example>
    public static ServerOptionsSelectionCallback ServerOptionsCallback(this CertificateHolder holder, CertificateServerOptions? options = null)
    {
        ArgumentNullException.ThrowIfNull(holder);
        var server = options ?? new CertificateServerOptions();
        holder.AddServer(server);
        return async (_, hello, _, cancellationToken) =>
        {
            try
            {
                var identity = await holder.SelectIdentityAsync(hello.ServerName, server, timeout: null, cancellationToken).ConfigureAwait(false);
                return identity?.CreateOptions()
                    ?? throw new AuthenticationException("No certificate has the server name that the client sent, or the client sent none.");
            }
            catch (CertificateNotLoadedException reason)
            {
                throw new AuthenticationException(reason.Message, reason);
            }
        };
    }

    /// <summary>
    /// Creates the options of one or more TLS handshakes of a client, by which the current certificate is sent and the server is verified against the
    /// current trust bundle: both are of one moment. Create them anew for each handshake, so that it uses what is current then.
    /// </summary>
    /// <remarks>
    /// <para>
    /// The certificate is sent with its intermediates (<see cref="SslClientAuthenticationOptions.ClientCertificateContext"/>). A
    /// <see cref="LocalCertificateSelectionCallback"/> would send the leaf alone, which a server that knows the root alone refuses.
    /// </para>
    /// <para>
    /// The server is refused if <see cref="TrustBundle.Verify"/> refuses it, or if its certificate is not for
    /// <see cref="SslClientAuthenticationOptions.TargetHost"/>; the <see cref="System.Security.Authentication.AuthenticationException"/> has the reason.
    /// The options may be completed, but their certificate and validation may not be changed.
    /// </para>
    /// <para>
    /// TLS sessions are resumed between swaps of the pair. Each resumed handshake is checked against the trust of its options, by the certificate that
    /// the server has sent when the session began. Some servers (Go's crypto/tls) resume sessions of a certificate that they have replaced; when one is
    /// refused for its old certificate, repeat the handshake with <see cref="SslClientAuthenticationOptions.AllowTlsResume"/> false.
    /// <see cref="CertificateHttpHandler"/> does so by itself.
    /// </para>
    /// </remarks>
    /// <param name="holder">What the client uses.</param>
    /// <param name="pair">The pair (<see cref="CertificateOptions.Name"/>) whose certificate is sent; null for none.</param>
    /// <param name="bundle">
    /// The trust bundle (<see cref="TrustBundleOptions.Name"/>) that the server is verified against; null for the trust of the system.
    /// </param>
    /// <returns>
    /// The options, without a target host. Set <see cref="SslClientAuthenticationOptions.TargetHost"/>: without it, the server is refused.
    /// </returns>
    /// <exception cref="CertificateNotLoadedException">
    /// The pair or the bundle has not been loaded yet, or the supervisor has none of that name.
    /// </exception>
    /// <example>
    /// <code>
    /// var options = holder.CreateClientOptions(pair: "client", bundle: "servers");
    /// options.TargetHost = "db.example.com";
    /// await tls.AuthenticateAsClientAsync(options, cancellationToken);
    /// </code>
    /// </example>
    public static SslClientAuthenticationOptions CreateClientOptions(this CertificateHolder holder, string? pair = null, string? bundle = null)
    {
        ArgumentNullException.ThrowIfNull(holder);
        var options = new SslClientAuthenticationOptions();
        ClientSnapshot.Take(holder, pair, bundle).Apply(options);
        return options;
    }
}
