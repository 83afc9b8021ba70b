using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.AspNetCore.Server.Kestrel.Https;

namespace CertActors.AspNetCore;

/// <summary>Reads what <c>ConfigureHttpsDefaults</c> sets, which Kestrel shows to the other forms of <c>UseHttps</c> alone.</summary>
internal static class HttpsDefaults
{
    private sealed class ReadException : Exception;

    public static HttpsConnectionAdapterOptions Of(ListenOptions listenOptions)
    {
        HttpsConnectionAdapterOptions? defaults = null;
        try
        {
            // Kestrel applies the defaults, calls back, and only then adds HTTPS to the endpoint.
            listenOptions.UseHttps(options =>
            {
                defaults = options;
                throw new ReadException();
            });
        }
        catch (ReadException)
        {
            // As intended.
        }

        return defaults!;
    }
}
