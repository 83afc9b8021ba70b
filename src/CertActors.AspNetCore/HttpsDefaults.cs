using System.Security.Authentication;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.AspNetCore.Server.Kestrel.Https;
using Microsoft.Extensions.Configuration;

namespace CertActors.AspNetCore;

/// <summary>
/// Reads what <c>ConfigureHttpsDefaults</c> and Kestrel's configuration set for an endpoint. Kestrel applies both to the other forms of <c>UseHttps</c> alone.
/// </summary>
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

        Configure(defaults!, listenOptions);
        return defaults!;
    }

    private static void Configure(HttpsConnectionAdapterOptions defaults, ListenOptions listenOptions)
    {
        if (listenOptions.KestrelServerOptions.ConfigurationLoader?.Configuration is not { } kestrel
            || kestrel.GetSection("Endpoints").GetChildren().FirstOrDefault(endpoint => IsOf(endpoint, listenOptions)) is not { } endpoint)
            return;

        foreach (var section in (IConfigurationSection[])[kestrel.GetSection("EndpointDefaults"), endpoint])
        {
            if (Enum.TryParse<ClientCertificateMode>(section[nameof(defaults.ClientCertificateMode)], ignoreCase: true, out var mode))
                defaults.ClientCertificateMode = mode;
            SslProtocols[] versions =
            [
                .. section.GetSection(nameof(defaults.SslProtocols)).GetChildren()
                    .Select(version => Enum.TryParse<SslProtocols>(version.Value, ignoreCase: true, out var parsed) ? parsed : SslProtocols.None),
            ];
            if (versions.Length > 0)
                defaults.SslProtocols = versions.Aggregate((all, version) => all | version);
        }
    }

    // The endpoint doesn't know its section, but two endpoints can't have the same port.
    private static bool IsOf(IConfigurationSection endpoint, ListenOptions listenOptions) =>
        endpoint["Url"] is { } url && listenOptions.IPEndPoint is { } bound && BindingAddress.Parse(url).Port == bound.Port;
}
