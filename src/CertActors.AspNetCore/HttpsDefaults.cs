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
        if (listenOptions.KestrelServerOptions.ConfigurationLoader?.Configuration is not { } kestrel)
            return;

        // The endpoint doesn't know its section. Of several with its port, at other addresses, each may be the one that asks for client certificates.
        IConfigurationSection[] endpoints = [.. kestrel.GetSection("Endpoints").GetChildren().Where(endpoint => MayBe(endpoint, listenOptions))];
        if (endpoints.Length == 0)
            return;
        IConfigurationSection[] all = [kestrel.GetSection("EndpointDefaults"), .. endpoints];
        foreach (var section in all.Concat(endpoints.SelectMany(endpoint => endpoint.GetSection("Sni").GetChildren())))
        {
            if (Enum.TryParse<ClientCertificateMode>(section[nameof(defaults.ClientCertificateMode)], ignoreCase: true, out var mode)
                && (endpoints.Length == 1 || mode != ClientCertificateMode.NoCertificate))
                defaults.ClientCertificateMode = mode;
        }

        // Where they differ, it is not known which are those of the endpoint.
        var common = VersionsOf(all[0]) ?? defaults.SslProtocols;
        SslProtocols[] versions = [.. endpoints.Select(endpoint => VersionsOf(endpoint) ?? common).Distinct()];
        if (versions.Length == 1)
            defaults.SslProtocols = versions[0];
    }

    private static SslProtocols? VersionsOf(IConfigurationSection section)
    {
        IConfigurationSection[] versions = [.. section.GetSection(nameof(HttpsConnectionAdapterOptions.SslProtocols)).GetChildren()];
        return versions.Length == 0 ? null : versions.Aggregate(SslProtocols.None, (some, version) =>
            some | (Enum.TryParse<SslProtocols>(version.Value, ignoreCase: true, out var parsed) ? parsed : SslProtocols.None));
    }

    private static bool MayBe(IConfigurationSection endpoint, ListenOptions listenOptions)
    {
        if (endpoint["Url"] is not { } url)
            return false;
        var address = BindingAddress.Parse(url);
        return address.IsUnixPipe ? address.UnixPipePath == listenOptions.SocketPath : address.Port == listenOptions.IPEndPoint?.Port;
    }
}
