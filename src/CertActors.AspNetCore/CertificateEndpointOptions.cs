using System.Net.Security;
using Microsoft.AspNetCore.Server.Kestrel.Https;

namespace CertActors.AspNetCore;

/// <summary>How a Kestrel endpoint selects its certificate and checks its clients.</summary>
public sealed class CertificateEndpointOptions : CertificateServerOptions
{
    /// <summary>
    /// Called last at each handshake, to change its options; null for none. It must not replace the certificate or the validation of clients: they are
    /// what rotates.
    /// </summary>
    public Action<TlsHandshakeCallbackContext, SslServerAuthenticationOptions>? OnHandshake { get; set; }
}
