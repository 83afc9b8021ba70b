using System.Net;
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

    /// <param name="listenOptions">The endpoint.</param>
    /// <param name="hasVersions">Whether the endpoint sets its versions of TLS itself, so that those of the configuration are no matter.</param>
    /// <exception cref="InvalidOperationException">It is not known which versions of TLS the configuration sets for the endpoint.</exception>
    public static HttpsConnectionAdapterOptions Of(ListenOptions listenOptions, bool hasVersions)
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

        Configure(defaults!, listenOptions, hasVersions);
        return defaults!;
    }

    private static void Configure(HttpsConnectionAdapterOptions defaults, ListenOptions listenOptions, bool hasVersions)
    {
        if (listenOptions.KestrelServerOptions.ConfigurationLoader?.Configuration is not { } kestrel)
            return;

        // The endpoint doesn't know its section. Several with one address can be bound only where the system chooses their ports.
        IConfigurationSection[] endpoints = [.. kestrel.GetSection("Endpoints").GetChildren().Where(endpoint => MayBe(endpoint, listenOptions))];
        if (endpoints.Length == 0)
            return;
        var common = kestrel.GetSection("EndpointDefaults");

        // Each of several may be the one that asks for client certificates, and a server name may ask for them where its endpoint doesn't.
        var modes = endpoints.Select(endpoint => ModeOf(endpoint) ?? ModeOf(common) ?? defaults.ClientCertificateMode)
            .Concat(endpoints.SelectMany(endpoint => endpoint.GetSection("Sni").GetChildren()).Select(name => ModeOf(name) ?? ClientCertificateMode.NoCertificate));
        defaults.ClientCertificateMode = modes.FirstOrDefault(mode => mode != ClientCertificateMode.NoCertificate, ClientCertificateMode.NoCertificate);

        var commonVersions = VersionsOf(common) ?? defaults.SslProtocols;
        SslProtocols[] versions = [.. endpoints.Select(endpoint => VersionsOf(endpoint) ?? commonVersions).Distinct()];
        if (versions.Length == 1)
            defaults.SslProtocols = versions[0];
        else if (!hasVersions)
        {
            throw new InvalidOperationException(
                $"It is not known which of the endpoints {string.Join(", ", endpoints.Select(endpoint => endpoint.Key))} in Kestrel's configuration this one is, and they set different {nameof(defaults.SslProtocols)}: " +
                "set Protocols by UseCertificates(options => ...).");
        }
    }

    private static ClientCertificateMode? ModeOf(IConfigurationSection section) =>
        Enum.TryParse<ClientCertificateMode>(section[nameof(HttpsConnectionAdapterOptions.ClientCertificateMode)], ignoreCase: true, out var mode) ? mode : null;

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
        if (address.IsUnixPipe)
            return address.UnixPipePath == listenOptions.SocketPath;
        if (address.IsNamedPipe)
            return address.NamedPipeName == listenOptions.PipeName;
        if (listenOptions.IPEndPoint is not { } bound || bound.Port != address.Port)
            return false;

        // Kestrel binds every host that is no address, but for localhost, to any address.
        return IPAddress.TryParse(address.Host, out var parsed) ? parsed.Equals(bound.Address)
            : string.Equals(address.Host, "localhost", StringComparison.OrdinalIgnoreCase) == IPAddress.IsLoopback(bound.Address);
    }
}
