using System.Net.Security;
using System.Security.Authentication;
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
    /// <exception cref="InvalidOperationException">No holder is registered.</exception>
    public static ListenOptions UseCertificates(this ListenOptions listenOptions)
    {
        ArgumentNullException.ThrowIfNull(listenOptions);
        return listenOptions.UseCertificates(listenOptions.ApplicationServices.GetRequiredService<CertificateHolder>());
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
    public static ListenOptions UseCertificates(this ListenOptions listenOptions, CertificateHolder holder) =>
        listenOptions.UseCertificates(holder, isStrict: false);

    /// <summary>
    /// Makes an endpoint HTTPS. If it is strict, a client that sends no server name, or one that no pair has, is refused (<see cref="RefusedName"/>).
    /// </summary>
    internal static ListenOptions UseCertificates(this ListenOptions listenOptions, CertificateHolder holder, bool isStrict)
    {
        ArgumentNullException.ThrowIfNull(listenOptions);
        ArgumentNullException.ThrowIfNull(holder);
        holder.CountConnections();
        FollowConnections(listenOptions);
        listenOptions.AllowDrain();
        return listenOptions.UseHttps(new TlsHandshakeCallbackOptions
        {
            OnConnection = context =>
            {
                context.Connection.Features.Get<ServedConnection>()?.HasClientHello = true;
                var selected = SelectAsync(holder, context, isStrict);
                return selected is { IsCompletedSuccessfully: true, Result: { } certificate }
                    ? ValueTask.FromResult(OptionsFor(context, certificate))
                    : OptionsForAsync(selected, context);
            },
        });
    }

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

    private static ValueTask<ServingCertificate?> SelectAsync(CertificateHolder holder, TlsHandshakeCallbackContext context, bool isStrict)
    {
        var name = context.ClientHelloInfo.ServerName;
        if (isStrict)
            return holder.SelectStrictAsync(name, timeout: null, context.CancellationToken);
        return holder.SelectAsync(name, timeout: null, context.CancellationToken)!;
    }

    // Kestrel logs an AuthenticationException as a failed handshake at Debug level, and any other as an error of the server.
    private static async ValueTask<SslServerAuthenticationOptions> OptionsForAsync(
        ValueTask<ServingCertificate?> selected, TlsHandshakeCallbackContext context)
    {
        try
        {
            if (await selected.ConfigureAwait(false) is { } certificate)
                return OptionsFor(context, certificate);
        }
        catch (CertificateNotLoadedException reason)
        {
            throw new AuthenticationException(reason.Message, reason);
        }

        await RefusedName.SendAlertAsync(context).ConfigureAwait(false);
        throw new AuthenticationException("No certificate has the server name that the client sent, or the client sent none.");
    }

    // Created for each handshake, as Kestrel writes the endpoint's ALPN list into it. What is expensive, the chain, is shared.
    private static SslServerAuthenticationOptions OptionsFor(TlsHandshakeCallbackContext context, ServingCertificate certificate)
    {
        // Counted from here, so that a generation with handshakes under way isn't taken for drained. Null for a connection over HTTP/3.
        context.Connection.Features.Get<ServedConnection>()?.Begin(certificate);
        return new SslServerAuthenticationOptions { ServerCertificateContext = certificate.Context };
    }
}
