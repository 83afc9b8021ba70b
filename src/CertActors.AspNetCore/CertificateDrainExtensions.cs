using System.Runtime.CompilerServices;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;

namespace CertActors.AspNetCore;

/// <summary>Lets a rotation end: the connections of an older certificate are closed without cutting a request.</summary>
public static class CertificateDrainExtensions
{
    // Kestrel's options of an endpoint have no place for what others know of it.
    private static readonly ConditionalWeakTable<ListenOptions, Endpoint> Endpoints = [];

    /// <summary>
    /// After a swap, asks the connections of the older generations to close, spread over <see cref="CertificateDrainOptions.DrainWindow"/>. Call it after
    /// <c>UseCertificates</c>.
    /// </summary>
    /// <remarks>
    /// <para>
    /// A connection is given notice first: when its client sends something, it is asked to close (<c>IConnectionLifetimeNotificationFeature</c>), so that the
    /// response to an HTTP/1.1 request carries <c>Connection: close</c> (RFC 9112, 9.6), and an HTTP/2 client gets GOAWAY while its streams go on
    /// (RFC 9113, 6.8). A connection whose client sends nothing for a quarter of the window is asked then, and an idle one closes at once. Requests in
    /// progress, streams and WebSockets go on until they end, or until <see cref="CertificateDrainOptions.HardLimit"/>.
    /// </para>
    /// <para>
    /// With <see cref="CertificateDrainOptions.CloseRefusedClients"/>, a swap of the trust bundle closes the connections of clients that it no longer
    /// trusts. A further swap during a drain starts a drain of its own for the next generation. The end of the server doesn't wait for a drain. Connections over
    /// HTTP/3 aren't drained.
    /// </para>
    /// </remarks>
    /// <example><code>
    /// kestrel.ListenAnyIP(8443, listen => listen.UseCertificates().UseCertificateDrain(drain => drain.HardLimit = TimeSpan.FromHours(1)));
    /// </code></example>
    /// <param name="listenOptions">The endpoint.</param>
    /// <param name="configure">Sets the options; null for the defaults.</param>
    /// <returns>The endpoint.</returns>
    /// <exception cref="CertificateOptionsException">The options are invalid; every error is listed.</exception>
    /// <exception cref="InvalidOperationException"><c>UseCertificates</c> wasn't called on the endpoint before, or this method was.</exception>
    public static ListenOptions UseCertificateDrain(this ListenOptions listenOptions, Action<CertificateDrainOptions>? configure = null)
    {
        ArgumentNullException.ThrowIfNull(listenOptions);
        if (!Endpoints.TryGetValue(listenOptions, out var endpoint))
            throw new InvalidOperationException($"{nameof(UseCertificateDrain)} drains the connections of UseCertificates: call UseCertificates on the endpoint first.");
        if (endpoint.IsDrained)
            throw new InvalidOperationException($"{nameof(UseCertificateDrain)} was called before; set all options in one call.");

        var options = new CertificateDrainOptions();
        configure?.Invoke(options);
        options.Check();
        endpoint.IsDrained = true;

        var services = listenOptions.ApplicationServices;
        var drain = new CertificateDrain(
            options,
            endpoint.Holder,
            services.GetRequiredService<ILoggerFactory>().CreateLogger(typeof(CertificateDrainExtensions).Namespace!),
            () => listenOptions.EndPoint,
            services.GetService<TimeProvider>() ?? TimeProvider.System);

        // Not asynchronous: a state machine for each connection costs more memory than all else here.
        listenOptions.Use(next => connection =>
        {
            drain.Add(connection);
            return next(connection);
        });
        return listenOptions;
    }

    /// <summary>Remembers that an endpoint serves certificates, so that it can be drained.</summary>
    internal static void AllowDrain(this ListenOptions listenOptions, CertificateHolder holder) => Endpoints.AddOrUpdate(listenOptions, new Endpoint(holder));

    private sealed class Endpoint(CertificateHolder holder)
    {
        public CertificateHolder Holder => holder;

        public bool IsDrained { get; set; }
    }
}
