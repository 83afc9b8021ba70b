using System.Net;
using System.Net.Http.Headers;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using Akka.Actor;
using CertActors.AspNetCore;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;

namespace CertActors.IntegrationTests;

/// <summary>The page that shows what is served, as programs and browsers get it from a server.</summary>
public sealed class CertificatePageTests : DrainKit
{
    private const string Html = "text/html";
    private const string Events = "text/event-stream";

    [Fact]
    public async Task A_program_gets_the_status_as_JSON_with_enums_as_strings()
    {
        await using var server = await StartAsync();
        using var client = Client(server);

        using var response = await client.GetAsync("/certificates");
        Assert.Equal("application/json", response.Content.Headers.ContentType?.MediaType);
        Assert.Equal("no-store", response.Headers.CacheControl?.ToString());
        using var status = JsonDocument.Parse(await response.Content.ReadAsStringAsync());
        var pair = status.RootElement.GetProperty("certificates")[0];
        Assert.Equal("default", pair.GetProperty("name").GetString());
        Assert.Equal("CN=localhost", pair.GetProperty("issuer").GetString());
        Assert.Equal(1, pair.GetProperty("generation").GetInt64());
        Assert.Equal("Start", pair.GetProperty("lastChange").GetProperty("reason").GetString());
        var change = status.RootElement.GetProperty("recent").EnumerateArray().First(happened => happened.GetProperty("kind").GetString() == "Changed");
        Assert.Equal("default", change.GetProperty("name").GetString());
        Assert.StartsWith("generation 1 is served: CN=localhost", change.GetProperty("message").GetString(), StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_browser_gets_a_page_that_loads_nothing_and_runs_nothing_but_its_own_script()
    {
        await using var server = await StartAsync();
        using var client = Client(server, Html);

        using var response = await client.GetAsync("/certificates");
        var page = await response.Content.ReadAsStringAsync();

        Assert.Equal(Html, response.Content.Headers.ContentType?.MediaType);
        Assert.Equal(
            $"default-src 'none'; style-src '{HashOf("style")}'; script-src '{HashOf("script")}'; connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
            Assert.Single(response.Headers.GetValues("Content-Security-Policy")));
        Assert.DoesNotContain(" style=", page, StringComparison.Ordinal);
        Assert.DoesNotContain("src=", page, StringComparison.Ordinal);
        Assert.DoesNotContain("href=", page, StringComparison.Ordinal);
        Assert.Contains("data-events=\"/certificates/events\"", page, StringComparison.Ordinal);
        Assert.Contains("CN=localhost", page, StringComparison.Ordinal);

        string HashOf(string element) =>
            $"sha256-{Convert.ToBase64String(SHA256.HashData(Encoding.UTF8.GetBytes(page.Split($"<{element}>")[1].Split($"</{element}>")[0])))}";
    }

    [Fact]
    public async Task A_rotation_arrives_as_an_event_and_the_stream_ends_when_its_own_connection_is_drained()
    {
        await using var server = await StartAsync();
        using var client = Client(server, Events);
        using var events = new StreamReader(await client.GetStreamAsync("/certificates/events"));
        Assert.Contains("Generation</dt><dd><bdi>1,", await EventAsync(events), StringComparison.Ordinal);

        await RotateAsync(server);
        var served = "";
        while (!served.Contains("Generation</dt><dd><bdi>2,", StringComparison.Ordinal))
        {
            var next = EventAsync(events);
            await PassUntilAsync(() => next.IsCompleted);
            served = await next;
        }

        Assert.Contains("<td>1</td><td>1</td>", served, StringComparison.Ordinal);
        var rest = events.ReadToEndAsync();
        await PassUntilAsync(() => rest.IsCompleted);
        await rest;
    }

    [Fact]
    public async Task A_stream_on_which_nothing_happens_sends_signs_of_life()
    {
        await using var server = await StartAsync();
        using var client = Client(server, Events);
        using var events = new StreamReader(await client.GetStreamAsync("/certificates/events"));
        Assert.StartsWith("event: status", await EventAsync(events), StringComparison.Ordinal);

        // The status of the files' checks may change meanwhile.
        string sign;
        do
        {
            var next = EventAsync(events);
            await PassUntilAsync(() => next.IsCompleted);
            sign = await next;
        }
        while (sign.StartsWith("event: status", StringComparison.Ordinal));
        Assert.StartsWith("event: alive", sign, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Without_a_supervisor_the_page_says_that_the_service_is_not_available_and_its_stream_ends()
    {
        await using var server = await StartAsync();
        using var client = Client(server, Events);
        using var events = new StreamReader(await client.GetStreamAsync("/certificates/events"));
        await EventAsync(events);

        await server.Supervisor.GracefulStop(Generous);

        Assert.Equal(HttpStatusCode.ServiceUnavailable, (await client.GetAsync("/certificates")).StatusCode);
        var rest = events.ReadToEndAsync();
        await PassUntilAsync(() => rest.IsCompleted);
        await rest;
    }

    [Fact]
    public async Task The_end_of_the_server_does_not_wait_for_an_open_page()
    {
        var server = await StartAsync();
        using var client = Client(server, Events);
        using var events = new StreamReader(await client.GetStreamAsync("/certificates/events"));
        await EventAsync(events);

        await server.StopAsync().WaitAsync(TimeSpan.FromSeconds(20));
        await server.DisposeAsync();
    }

    [Fact]
    public async Task Conventions_apply_to_the_page_and_to_its_events()
    {
        await using var server = await StartAsync(page => page.AddEndpointFilter((_, _) => ValueTask.FromResult<object?>(TypedResults.StatusCode(403))));
        using var client = Client(server);

        Assert.False((await client.GetAsync("/certificates")).IsSuccessStatusCode);
        Assert.False((await client.GetAsync("/certificates/events")).IsSuccessStatusCode);
    }

    private Task<KestrelServer> StartAsync(Action<IEndpointConventionBuilder>? configure = null) => StartServerAsync(Draining() with
    {
        Map = app =>
        {
            var page = app.MapCertificates();
            configure?.Invoke(page);
        },
    });

    private static HttpClient Client(KestrelServer server, string? accept = null)
    {
        var handler = new SocketsHttpHandler();
        handler.SslOptions.RemoteCertificateValidationCallback = (_, certificate, _, _) => certificate is not null;
        var client = new HttpClient(handler) { BaseAddress = new Uri($"https://localhost:{server.Endpoints[0].Port}"), Timeout = Generous };
        if (accept is not null)
            client.DefaultRequestHeaders.Accept.Add(new MediaTypeWithQualityHeaderValue(accept));
        return client;
    }

    /// <returns>The data of the next event.</returns>
    private static async Task<string> EventAsync(StreamReader events)
    {
        var data = new StringBuilder();
        while (await events.ReadLineAsync().WaitAsync(Generous) is { Length: > 0 } line)
            data.AppendLine(line);
        return data.ToString();
    }
}
