using Microsoft.AspNetCore.Server.Kestrel.Https;

namespace CertActors.AspNetCore;

/// <summary>Tells a client that it is refused for the server name that it sent, or for having sent none.</summary>
/// <remarks>
/// SslStream offers no way to choose an alert: an exception of the callback that selects the certificate closes the connection without any. At that
/// moment the server has read the ClientHello and written nothing, and nothing is encrypted yet (RFC 8446, 6; RFC 5246, 7.2). So the alert is written
/// to the transport as the record that it is.
/// </remarks>
internal static class RefusedName
{
    // RFC 6066, 3, and, for a client without a name, RFC 8446, 9.2: record type alert, version, length; level fatal, description.
    private static readonly byte[] UnrecognizedName = [21, 3, 3, 0, 2, 2, 112];
    private static readonly byte[] MissingExtension = [21, 3, 3, 0, 2, 2, 109];

    public static async Task SendAlertAsync(TlsHandshakeCallbackContext context)
    {
        var alert = string.IsNullOrEmpty(context.ClientHelloInfo.ServerName) ? MissingExtension : UnrecognizedName;
        await context.Connection.Transport.Output.WriteAsync(alert, context.CancellationToken).ConfigureAwait(false);
    }
}
