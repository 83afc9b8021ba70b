using System.Net.ServerSentEvents;
using System.Runtime.CompilerServices;
using CertActors.AspNetCore.Page;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Connections.Features;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.HttpResults;
using Microsoft.AspNetCore.Routing;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;

namespace CertActors.AspNetCore;

/// <summary>Shows what is served, to people and to programs.</summary>
public static class CertificatePageExtensions
{
    private static readonly TimeSpan BetweenStatuses = TimeSpan.FromSeconds(1);

    // The page takes a stream for dead that is silent for three times as long, and a proxy that cuts silent connections leaves it alone.
    private const int TicksBetweenSignsOfLife = 15;

    // The browser connects again, and is authorized again.
    private static readonly TimeSpan MaxStream = TimeSpan.FromMinutes(10);

    /// <summary>
    /// Maps a page that shows every pair and trust bundle: what is served, by whom it was issued, until when, how the files are watched, the open
    /// connections by generation, and the last events. A browser gets HTML, which follows changes by itself; any other client gets JSON.
    /// </summary>
    /// <remarks>
    /// <para>
    /// Nothing on it is secret, but it tells a stranger which names are served and when to try: put it behind authorization, or on an endpoint that only
    /// operators reach. It works without JavaScript, loads nothing from elsewhere, and sends a strict <c>Content-Security-Policy</c>.
    /// </para>
    /// <para>It is mapped at the pattern itself, and the changes at <c>events</c> below it, as server-sent events. Both need <see cref="ICertificates"/> in the services.</para>
    /// </remarks>
    /// <param name="endpoints">The routes.</param>
    /// <param name="pattern">Where. Default <c>/certificates</c>.</param>
    /// <returns>The endpoints, for conventions such as authorization.</returns>
    /// <example><code>app.MapCertificates().RequireAuthorization("operators");</code></example>
    public static IEndpointConventionBuilder MapCertificates(this IEndpointRouteBuilder endpoints, string pattern = "/certificates")
    {
        ArgumentNullException.ThrowIfNull(endpoints);
        var group = endpoints.MapGroup(pattern);
        StatusSource? shared = null;
        group.MapGet("", (HttpContext context, ICertificates certificates, CancellationToken cancelled) => GetAsync(context, Source(context, certificates), cancelled));
        group.MapGet("events", (HttpContext context, ICertificates certificates, IHostApplicationLifetime host) => Events(context, Source(context, certificates), host));
        return group;

        StatusSource Source(HttpContext context, ICertificates certificates) =>
            LazyInitializer.EnsureInitialized(ref shared, () => new StatusSource(certificates, TimeOf(context)));
    }

    private static async Task<IResult> GetAsync(HttpContext context, StatusSource source, CancellationToken cancelled)
    {
        if (await source.GetAsync(cancelled).ConfigureAwait(false) is not { } document)
            return TypedResults.StatusCode(StatusCodes.Status503ServiceUnavailable);
        var headers = context.Response.Headers;
        headers.CacheControl = "no-store";
        headers.Vary = "Accept";
        headers.XContentTypeOptions = "nosniff";
        if (!WantsHtml(context.Request))
            return TypedResults.Json(document, StatusJson.Default.StatusDocument);

        headers.ContentSecurityPolicy = HtmlPage.SecurityPolicy;
        headers["Referrer-Policy"] = "no-referrer";
        return TypedResults.Content(HtmlPage.Of(document, $"{context.Request.PathBase}{context.Request.Path}".TrimEnd('/') + "/events"), "text/html; charset=utf-8");
    }

    private static ServerSentEventsResult<string> Events(HttpContext context, StatusSource source, IHostApplicationLifetime host)
    {
        context.Response.Headers.CacheControl = "no-store";
        context.Response.Headers["X-Accel-Buffering"] = "no"; // For nginx, which would collect the events.
        return TypedResults.ServerSentEvents(FollowAsync(context, source, host.ApplicationStopping, context.RequestAborted));
    }

    // The browser connects again by itself when the stream ends. So the page holds up neither the end of the host nor the drain of a certificate.
    private static async IAsyncEnumerable<SseItem<string>> FollowAsync(
        HttpContext context, StatusSource source, CancellationToken stopping, [EnumeratorCancellation] CancellationToken aborted)
    {
        var closing = context.Features.Get<IConnectionLifetimeNotificationFeature>()?.ConnectionClosedRequested ?? CancellationToken.None;
        using var limit = new CancellationTokenSource(MaxStream, TimeOf(context));
        using var ended = CancellationTokenSource.CreateLinkedTokenSource(stopping, closing, aborted, limit.Token);
        using var pace = new PeriodicTimer(BetweenStatuses, TimeOf(context));
        var (last, quietTicks) = ((string?)null, 0);
        while (await NextAsync().ConfigureAwait(false) is { } next)
        {
            if (next != last)
                yield return new SseItem<string>(last = next, "status");
            else if (++quietTicks % TicksBetweenSignsOfLife == 0)
                yield return new SseItem<string>("", "alive");
        }

        async Task<string?> NextAsync()
        {
            try
            {
                if (last is not null)
                    await pace.WaitForNextTickAsync(ended.Token).ConfigureAwait(false);
                return await source.GetSharedBodyAsync(ended.Token).ConfigureAwait(false);
            }
            catch (OperationCanceledException) when (ended.IsCancellationRequested)
            {
                return null;
            }
        }
    }

    private static TimeProvider TimeOf(HttpContext context) => context.RequestServices.GetService<TimeProvider>() ?? TimeProvider.System;

    private static bool WantsHtml(HttpRequest request) =>
        request.GetTypedHeaders().Accept.Any(type => type.MediaType.Equals("text/html", StringComparison.OrdinalIgnoreCase));
}
