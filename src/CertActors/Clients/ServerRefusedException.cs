using System.Security.Authentication;

namespace CertActors.Clients;

/// <summary>The certificate that a handshake has shown of the server is refused. The message has the reason.</summary>
internal sealed class ServerRefusedException(string message) : AuthenticationException(message);
