using System.Net.Security;
using System.Security.Authentication;
using Microsoft.AspNetCore.Connections;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.AspNetCore.Server.Kestrel.Https;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;

namespace CertActors.AspNetCore;

/// <summary>Serves the certificates of a <see cref="CertificateHolder"/> from Kestrel.</summary>
public static class CertificateListenOptionsExtensions
{
    /// <summary>Makes an endpoint HTTPS, with the certificates of the holder that is registered in the services (<c>AddCertificates</c>).</summary>
    /// <inheritdoc cref="UseCertificates(ListenOptions, CertificateHolder)"/>
    /// <exception cref="InvalidOperationException">No holder is registered, as <c>AddCertificates</c> wasn't called.</exception>
    /// <example><code>
    /// builder.Services.AddCertificates(new CertificateOptions { CertificatePath = "/etc/tls/tls.crt", KeyPath = "/etc/tls/tls.key" });
    /// builder.Services.AddAkka("server", akka => akka.WithCertificates());
    /// builder.WebHost.ConfigureKestrel(kestrel => kestrel.ListenAnyIP(8443, listen => listen.UseCertificates()));
    /// </code></example>
    public static ListenOptions UseCertificates(this ListenOptions listenOptions)
    {
        ArgumentNullException.ThrowIfNull(listenOptions);
        return listenOptions.UseCertificates(HolderOf(listenOptions));
    }

    /// <summary>Makes an endpoint HTTPS. Each handshake gets the current certificate for the server name that the client sends.</summary>
    /// <remarks>
    /// A handshake waits while a first load is in progress that may bring the certificate for its name, and while nothing is loaded that may answer
    /// (<see cref="CertificateHolder.SelectAsync"/>), for <see cref="CertificateHolder.DefaultWait"/> at most and within Kestrel's own time limit
    /// (<see cref="HttpsConnectionAdapterOptions.HandshakeTimeout"/>, 10 s). It fails if nothing is loaded by then. Open connections keep the
    /// certificate of their handshake. Connections that don't begin with a ClientHello are closed; one line a minute, in the log category
    /// <c>CertActors.AspNetCore</c>, says how many.
    /// </remarks>
    /// <param name="listenOptions">The endpoint.</param>
    /// <param name="holder">What it serves.</param>
    /// <returns>The endpoint.</returns>
    /// <example>
    /// Without Akka.Hosting:
    /// <code>
    /// var holder = new CertificateHolder();
    /// system.ActorOf(CertificateSupervisor.Props(holder, pair), CertificateSupervisor.DefaultName);
    /// builder.WebHost.ConfigureKestrel(kestrel => kestrel.ListenAnyIP(8443, listen => listen.UseCertificates(holder)));
    /// </code>
    /// </example>
    public static ListenOptions UseCertificates(this ListenOptions listenOptions, CertificateHolder holder) =>
        listenOptions.UseCertificates(holder, _ => { });

    /// <summary>Makes an endpoint HTTPS, with the certificates of the holder that is registered in the services (<c>AddCertificates</c>).</summary>
    /// <inheritdoc cref="UseCertificates(ListenOptions, CertificateHolder, Action{CertificateEndpointOptions})"/>
    /// <example><code>
    /// kestrel.ListenAnyIP(8443, listen => listen.UseCertificates(options =>
    /// {
    ///     options.ClientCertificates = ClientCertificates.Require;
    ///     options.TrustBundle = "clients";
    /// }));
    /// </code></example>
    public static ListenOptions UseCertificates(this ListenOptions listenOptions, Action<CertificateEndpointOptions> configure)
    {
        ArgumentNullException.ThrowIfNull(listenOptions);
        return listenOptions.UseCertificates(HolderOf(listenOptions), configure);
    }

    /// <summary>Makes an endpoint HTTPS, and sets how it selects its certificate and checks its clients.</summary>
    /// <remarks>
    /// Of <c>ConfigureHttpsDefaults</c>, the time limit of the handshake and, unless the endpoint sets its own, the versions of TLS apply, whether it is
    /// called before or after; and the versions of TLS that Kestrel's configuration sets for the endpoint. What that sets for a server name (<c>Sni</c>)
    /// does not. Client certificates are set here: if they are set there alone, also for one server name, the start of the endpoint fails with an
    /// <see cref="InvalidOperationException"/>, as they would not be asked for; for localhost, with an <see cref="System.IO.IOException"/> that has it inside.
    /// It also fails if it is not known which of several endpoints of the configuration this one is, and these have different versions of TLS.
    /// With <see cref="CertificateServerOptions.StrictNames"/>, a refused client gets the alert <c>unrecognized_name</c> (RFC 6066, 3), or
    /// <c>missing_extension</c> if it has sent no name (RFC 8446, 9.2).
    /// </remarks>
    /// <param name="listenOptions">The endpoint.</param>
    /// <param name="holder">What it serves.</param>
    /// <param name="configure">Sets the options.</param>
    /// <returns>The endpoint.</returns>
    /// <exception cref="CertificateOptionsException">The options are invalid; every error is listed.</exception>
    /// <example><code>
    /// kestrel.ListenAnyIP(8443, listen => listen.UseCertificates(holder, options =>
    /// {
    ///     options.ClientCertificates = ClientCertificates.Require;
    ///     options.TrustBundle = "clients";
    /// }));
    /// </code></example>
    public static ListenOptions UseCertificates(this ListenOptions listenOptions, CertificateHolder holder, Action<CertificateEndpointOptions> configure)
    {
        ArgumentNullException.ThrowIfNull(listenOptions);
        ArgumentNullException.ThrowIfNull(holder);
        ArgumentNullException.ThrowIfNull(configure);
        var options = new CertificateEndpointOptions();
        configure(options);
        options.Validate();

        // Twice: what Kestrel's configuration says is checked now, so that a bad change of it while the endpoint serves is refused before that is stopped.
        // What ConfigureHttpsDefaults says is complete only when the endpoint starts, as it may be called later.
        DefaultsOf(listenOptions, options);
        holder.CountConnections();
        FollowConnections(listenOptions);
        listenOptions.AllowDrain(holder);
        var https = new TlsHandshakeCallbackOptions
        {
            OnConnection = context =>
            {
                context.Connection.Features.Get<ServedConnection>()?.HasClientHello = true;
                var selected = holder.SelectIdentityAsync(context.ClientHelloInfo.ServerName, options, timeout: null, context.CancellationToken);
                return selected is { IsCompletedSuccessfully: true, Result: { } identity }
                    ? ValueTask.FromResult(OptionsFor(context, identity, options))
                    : OptionsForAsync(selected, context, options);
            },
        };
        listenOptions.UseHttps(https);
        OnStart(listenOptions, () =>
        {
            var defaults = DefaultsOf(listenOptions, options);
            https.HandshakeTimeout = defaults.HandshakeTimeout;
            if (options.Protocols == SslProtocols.None)
                options.Protocols = defaults.SslProtocols;
            holder.AddServer(options);
        });
        return listenOptions;
    }

    // Kestrel builds the pipelines of an endpoint when it starts: those of HTTP/1.1 and HTTP/2 apart from that of HTTP/3, and for localhost one for each
    // address. A pipeline is built from its last middleware to its first: this one comes before that of HTTPS, which copies the time limit.
    private static void OnStart(ListenOptions listenOptions, Action start)
    {
        var hasStarted = false;
        listenOptions.Use(next =>
        {
            Start();
            return next;
        });
        ((IMultiplexedConnectionBuilder)listenOptions).Use(next =>
        {
            Start();
            return next;
        });

        // After a failure, Kestrel may try another address, which must fail, too.
        void Start()
        {
            if (!hasStarted)
                start();
            hasStarted = true;
        }
    }

    private static HttpsConnectionAdapterOptions DefaultsOf(ListenOptions listenOptions, CertificateEndpointOptions options)
    {
        var defaults = HttpsDefaults.Of(listenOptions, hasVersions: options.Protocols != SslProtocols.None);
        if (defaults.ClientCertificateMode != ClientCertificateMode.NoCertificate && options.ClientCertificates == ClientCertificates.None)
        {
            throw new InvalidOperationException(
                $"ConfigureHttpsDefaults, or Kestrel's configuration, sets {nameof(defaults.ClientCertificateMode)} to {defaults.ClientCertificateMode}, which does not apply to UseCertificates: " +
                $"set {nameof(options.ClientCertificates)} and {nameof(options.TrustBundle)} by UseCertificates(options => ...), so that clients are verified against a trust bundle.");
        }

        return defaults;
    }

    private static CertificateHolder HolderOf(ListenOptions listenOptions) => listenOptions.ApplicationServices.GetService<CertificateHolder>()
        ?? throw new InvalidOperationException(
            "UseCertificates finds no certificates: call services.AddCertificates(...) and, in services.AddAkka, WithCertificates() of the package CertActors.Hosting; "
            + "or register a CertificateHolder as a singleton.");

    // One function for all that spans a connection, as each costs memory while the connection is open. What isn't TLS is refused here, too:
    // SslStream asks for options once it has read a ClientHello. After any other message, and after a ClientHello that its parser fails on, it goes on
    // without options, and throws an exception that Kestrel takes for an error of the server and logs with a stack trace.
    private static void FollowConnections(ListenOptions listenOptions)
    {
        var services = listenOptions.ApplicationServices;
        var refused = new RefusedConnections(
            services.GetRequiredService<ILoggerFactory>().CreateLogger(typeof(CertificateListenOptionsExtensions).Namespace!),
            () => listenOptions.EndPoint,
            services.GetService<TimeProvider>() ?? TimeProvider.System);

        listenOptions.Use(next => async connection =>
        {
            var served = new ServedConnection();
            connection.Features.Set(served);
            try
            {
                await next(connection).ConfigureAwait(false);
            }
            catch (Exception fault) when (fault is not OutOfMemoryException && !served.HasClientHello)
            {
                refused.Add();
            }
            finally
            {
                served.End();
            }
        });
    }

    // Kestrel logs an AuthenticationException as a failed handshake at Debug level, and any other as an error of the server.
    private static async ValueTask<SslServerAuthenticationOptions> OptionsForAsync(
        ValueTask<ServerIdentity?> selected, TlsHandshakeCallbackContext context, CertificateEndpointOptions options)
    {
        try
        {
            if (await selected.ConfigureAwait(false) is { } identity)
                return OptionsFor(context, identity, options);
        }
        catch (CertificateNotLoadedException reason)
        {
            throw new AuthenticationException(reason.Message, reason);
        }

        await RefusedName.SendAlertAsync(context).ConfigureAwait(false);
        throw new AuthenticationException("No certificate has the server name that the client sent, or the client sent none.");
    }

    // Created for each handshake, as Kestrel writes the endpoint's ALPN list into it. What is expensive, the chain, is shared.
    private static SslServerAuthenticationOptions OptionsFor(
        TlsHandshakeCallbackContext context, ServerIdentity identity, CertificateEndpointOptions options)
    {
        // Counted from here, so that a generation with handshakes under way isn't taken for drained. Null for a connection over HTTP/3.
        context.Connection.Features.Get<ServedConnection>()?.Begin(identity);
        var tls = identity.CreateOptions();
        options.OnHandshake?.Invoke(context, tls);
        return tls;
    }
}
