using System.Collections.Concurrent;
using System.Diagnostics;
using System.Net;
using System.Net.Sockets;
using System.Text;
using System.Text.Json;
using CertActors.Server;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Hosting.Server;
using Microsoft.AspNetCore.Hosting.Server.Features;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;

namespace CertActors.IntegrationTests;

/// <summary>What the server tells operators, Prometheus, a collector and its service manager.</summary>
public sealed class ServerMonitoringTests : IDisposable
{
    private readonly DirectoryInfo _directory = Directory.CreateTempSubdirectory("certactors-test-");

    public ServerMonitoringTests()
    {
        var pair = SelfMadePair.Make();
        File.WriteAllText(CertPath, pair.CertificatePem);
        File.WriteAllText(KeyPath, pair.KeyPem);
    }

    private string CertPath => Path.Combine(_directory.FullName, "tls.crt");

    private string KeyPath => Path.Combine(_directory.FullName, "tls.key");

    public void Dispose() => _directory.Delete(recursive: true);

    [Fact]
    public async Task Prometheus_gets_the_metrics_and_nothing_of_OTLP_is_loaded()
    {
        using var server = Serve();
        var address = await server.ListensAsync();

        using var response = await server.Client.GetAsync(new Uri(address, "metrics"));
        Assert.Equal("text/plain", response.Content.Headers.ContentType?.MediaType);
        var metrics = await response.Content.ReadAsStringAsync();
        Assert.Contains("certactors_generation{", metrics, StringComparison.Ordinal);
        Assert.Contains("certactors_load_duration_seconds_count{", metrics, StringComparison.Ordinal);
        Assert.Contains("service_name=\"certactors\"", metrics, StringComparison.Ordinal);
        Assert.True(server.HasLoaded("OpenTelemetry"));
        Assert.False(server.HasLoaded("OpenTelemetry.Exporter.OpenTelemetryProtocol"));
    }

    [Fact]
    public async Task Each_of_thousands_of_pairs_has_its_metrics()
    {
        const int pairs = 2100;
        var certificates = new Dictionary<string, object>();
        for (var i = 0; i < pairs; i++)
        {
            var (cert, key) = (Path.Combine(_directory.FullName, $"{i}.crt"), Path.Combine(_directory.FullName, $"{i}.key"));
            File.Copy(CertPath, cert);
            File.Copy(KeyPath, key);
            certificates[$"pair{i}"] = new { CertificatePath = cert, KeyPath = key, ServerNames = (string[])[$"{i}.example.com"] };
        }

        await File.WriteAllTextAsync(Path.Combine(_directory.FullName, "many.json"), JsonSerializer.Serialize(new { CertActors = new { Certificates = certificates } }));
        using var server = ServerProcess.StartIn(_directory.FullName, [], "--config", "many.json", "--port", "0");
        var address = await server.ListensAsync();
        var metrics = "";
        await Wait.UntilAsync(async () =>
        {
            metrics = await server.Client.GetStringAsync(new Uri(address, "metrics"));
            return metrics.Contains("otel_metric_overflow", StringComparison.Ordinal) || SeriesOf("certactors_watch_mode{") == 2 * pairs;
        });

        Assert.DoesNotContain("otel_metric_overflow", metrics, StringComparison.Ordinal);
        Assert.Equal(pairs, SeriesOf("certactors_generation{"));

        int SeriesOf(string metric) => metrics.Split('\n').Count(line => line.StartsWith(metric, StringComparison.Ordinal) && line.Contains("certactors_name=\"pair", StringComparison.Ordinal));
    }

    [Fact]
    public async Task Where_the_SDK_is_disabled_it_serves_without_metrics()
    {
        using var server = Serve(("OTEL_SDK_DISABLED", "true"));
        var address = await server.ListensAsync();

        Assert.DoesNotContain("certactors_", await server.Client.GetStringAsync(new Uri(address, "metrics")), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("127.0.0.1", "", true)]
    [InlineData("::1", "", true)]
    [InlineData("::ffff:127.0.0.1", "", true)]
    [InlineData("10.1.2.3", "", false)]
    [InlineData("::ffff:10.1.2.3", "", false)]
    [InlineData("10.1.2.3", "10.0.0.0/8", true)]
    [InlineData("::ffff:10.1.2.3", "10.0.0.0/8", true)]
    [InlineData("192.0.2.1", "10.0.0.0/8", false)]
    [InlineData("2001:db8::1", "10.0.0.0/8", false)]
    [InlineData("2001:db8::1", "10.0.0.0/8 2001:db8::/32", true)]
    [InlineData("10.1.2.3", "", true, "10.1.2.3")]
    [InlineData("::ffff:10.1.2.3", "", true, "::ffff:10.1.2.3")]
    [InlineData("10.1.2.3", "", false, "10.1.2.4")]
    public async Task What_is_served_is_for_operators_and_the_health_for_everyone(string client, string monitoringFrom, bool isAllowed, string server = "127.0.0.1")
    {
        using var signals = new Signals();
        var app = ServerHost.Build(
            new ServeArguments
            {
                Endpoint = new IPEndPoint(IPAddress.Loopback, 0),
                Configuration = ServerConfiguration.Of(new CertificateOptions { CertificatePath = CertPath, KeyPath = KeyPath }),
                MonitoringFrom = [.. monitoringFrom.Split(' ', StringSplitOptions.RemoveEmptyEntries).Select(network => System.Net.IPNetwork.Parse(network))],
            },
            LogLevel.Error,
            signals);
        app.Use((context, next) =>
        {
            (context.Connection.RemoteIpAddress, context.Connection.LocalIpAddress) = (IPAddress.Parse(client), IPAddress.Parse(server));
            return next(context);
        });
        await app.StartAsync();
        try
        {
            using var handler = new HttpClientHandler { ServerCertificateCustomValidationCallback = (_, certificate, _, _) => certificate is not null, AllowAutoRedirect = false };
            using var http = new HttpClient(handler);
            http.DefaultRequestHeaders.Accept.ParseAdd("text/html");
            Assert.Equal(isAllowed ? HttpStatusCode.Redirect : HttpStatusCode.OK, await CodeOfAsync(""));
            foreach (var path in (string[])["certificates", "certificates/events", "status", "metrics"])
                Assert.Equal(isAllowed ? HttpStatusCode.OK : HttpStatusCode.NotFound, await CodeOfAsync(path));
            Assert.Equal(HttpStatusCode.OK, await CodeOfAsync("healthz"));

            async Task<HttpStatusCode> CodeOfAsync(string path)
            {
                using var response = await http.GetAsync(new Uri($"https://{app.ListensOn()}/{path}"), HttpCompletionOption.ResponseHeadersRead);
                return response.StatusCode;
            }
        }
        finally
        {
            await app.EndAsync();
        }
    }

    [Theory]
    [InlineData("10.0.0.0/8", "10.0.0.0/8")]
    [InlineData("::ffff:10.0.0.0/104", "10.0.0.0/8")]
    [InlineData("::ffff:0:0/96", "0.0.0.0/0")]
    [InlineData("::/0", "::/0")]
    public void A_network_of_operators_is_compared_in_the_form_of_the_clients_addresses(string given, string expected)
    {
        var arguments = Assert.IsType<ServeArguments>(CommandLine.Parse(["--cert", "a", "--monitoring-from", given], CancellationToken.None, out _));
        Assert.Equal(System.Net.IPNetwork.Parse(expected), Assert.Single(arguments.MonitoringFrom));
    }

    [Fact]
    public async Task Variables_of_ASP_NET_Core_change_neither_the_address_of_a_client_nor_what_it_listens_on()
    {
        using var server = Serve(
            ("ASPNETCORE_FORWARDEDHEADERS_ENABLED", "true"),
            ("FORWARDEDHEADERS_ENABLED", "true"),
            ("Kestrel__Endpoints__More__Url", "http://127.0.0.1:0"),
            ("ASPNETCORE_URLS", "http://127.0.0.1:0"));
        using var request = new HttpRequestMessage(HttpMethod.Get, new Uri(await server.ListensAsync(), "status"));
        request.Headers.Add("X-Forwarded-For", "203.0.113.1");

        using var response = await server.Client.SendAsync(request);
        Assert.Equal(HttpStatusCode.OK, response.StatusCode);
    }

    [Fact]
    public async Task A_collector_gets_metrics_and_traces()
    {
        await using var collector = new Collector();
        using var server = Serve(
            ("OTEL_EXPORTER_OTLP_ENDPOINT", await collector.StartAsync()),
            ("OTEL_EXPORTER_OTLP_PROTOCOL", "http/protobuf"),
            ("OTEL_METRIC_EXPORT_INTERVAL", "100"),
            ("OTEL_BSP_SCHEDULE_DELAY", "100"),
            ("OTEL_SERVICE_NAME", "edge"));

        await Wait.UntilAsync(() => collector.Has("/v1/metrics", "certactors.generation", "edge"));
        await Wait.UntilAsync(() => collector.Has("/v1/traces", "certactors.reload", "edge"));
        await server.SignalAsync("TERM");
        Assert.Equal(0, await server.ExitAsync());
        Assert.Empty(server.Errors);
    }

    [Fact]
    public async Task A_collector_of_one_signal_gets_that_alone()
    {
        await using var collector = new Collector();
        using var server = Serve(
            ("OTEL_EXPORTER_OTLP_METRICS_ENDPOINT", await collector.StartAsync() + "/mine"),
            ("OTEL_EXPORTER_OTLP_METRICS_PROTOCOL", "http/protobuf"),
            ("OTEL_EXPORTER_OTLP_METRICS_HEADERS", "token=secret"),
            ("OTEL_METRIC_EXPORT_INTERVAL", "100"));

        await Wait.UntilAsync(() => collector.Has("/mine", "certactors.generation", "token: secret"));
        await server.SignalAsync("TERM");
        Assert.Equal(0, await server.ExitAsync());
        Assert.DoesNotContain(collector.Requests, request => request.Path != "/mine");
    }

    [Fact]
    public async Task An_exporter_that_is_none_exports_nothing()
    {
        using var server = Serve(("OTEL_EXPORTER_OTLP_ENDPOINT", "http://127.0.0.1:9"), ("OTEL_METRICS_EXPORTER", "none"), ("OTEL_TRACES_EXPORTER", "none"));
        await server.ListensAsync();
        Assert.False(server.HasLoaded("OpenTelemetry.Exporter.OpenTelemetryProtocol"));
    }

    [Fact]
    public async Task A_collector_that_can_not_be_reached_changes_nothing_and_the_end_is_in_time()
    {
        using var server = Serve(("OTEL_EXPORTER_OTLP_ENDPOINT", "http://127.0.0.1:9"), ("OTEL_METRIC_EXPORT_INTERVAL", "100"));
        await server.ListensAsync();
        await server.SignalAsync("TERM");
        Assert.Equal(0, await server.ExitAsync());
        Assert.Empty(server.Errors);
    }

    [Theory]
    [InlineData("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "collector:4317", "is 'collector:4317'")]
    [InlineData("OTEL_EXPORTER_OTLP_PROTOCOL", "http/json", "is 'http/json'")]
    [InlineData("OTEL_EXPORTER_OTLP_METRICS_PROTOCOL", "GRPC", "is 'GRPC'")]
    [InlineData("OTEL_EXPORTER_OTLP_HEADERS", "a=b,secret", "must be")]
    [InlineData("OTEL_EXPORTER_OTLP_TRACES_HEADERS", "secret key=secret", "must be")]
    [InlineData("OTEL_EXPORTER_OTLP_METRICS_HEADERS", "a=secret%0D%0Asecret", "must be")]
    [InlineData("OTEL_EXPORTER_OTLP_TIMEOUT", "10s", "is '10s'")]
    [InlineData("OTEL_EXPORTER_OTLP_TRACES_TIMEOUT", "0", "is '0'")]
    [InlineData("OTEL_METRIC_EXPORT_INTERVAL", "-1", "is '-1'")]
    [InlineData("OTEL_METRICS_EXPORTER", "otlp,console", "is 'otlp,console'")]
    public async Task A_variable_of_the_export_that_is_invalid_ends_it_with_2_and_one_line(string name, string value, string expected)
    {
        using var server = Serve(("OTEL_TRACES_EXPORTER", "otlp"), ("OTEL_METRICS_EXPORTER", "otlp"), (name, value));
        Assert.Equal(2, await server.ExitAsync());
        var line = Assert.Single(server.Errors);
        Assert.StartsWith($"certactors: {name} {expected}", line, StringComparison.Ordinal);
        Assert.DoesNotContain("secret", line, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task The_service_manager_is_notified_of_the_start_a_reload_and_the_end(bool isAbstract)
    {
        using var manager = new NotifySocket(isAbstract ? $"@certactors-test-{Guid.NewGuid():N}" : Path.Combine(_directory.FullName, "notify"));
        using var server = Serve(("NOTIFY_SOCKET", manager.Address));

        Assert.StartsWith("READY=1\nSTATUS=", await manager.ReceiveAsync(), StringComparison.Ordinal);
        using (var client = new TcpClient())
            await client.ConnectAsync(IPAddress.Loopback, await server.PortAsync());

        var before = Microseconds();
        await server.SignalAsync("HUP");
        var reloading = await manager.ReceiveAsync();
        Assert.StartsWith("RELOADING=1\nMONOTONIC_USEC=", reloading, StringComparison.Ordinal);
        Assert.InRange(long.Parse(reloading.Split('=')[^1], null), before, Microseconds());
        Assert.StartsWith("READY=1\n", await manager.ReceiveAsync(), StringComparison.Ordinal);

        await server.SignalAsync("TERM");
        Assert.Equal("STOPPING=1", await manager.ReceiveAsync());
        Assert.Equal(0, await server.ExitAsync());

        static long Microseconds() => (long)Stopwatch.GetElapsedTime(0).TotalMicroseconds;
    }

    [Fact]
    public async Task Nothing_follows_the_notice_of_the_end()
    {
        using var manager = new NotifySocket(Path.Combine(_directory.FullName, "notify"));
        using (var server = new ServiceManager(manager.Address))
        {
            server.Stopping();
            server.Ready("reloaded");
        }

        using var next = new ServiceManager(manager.Address);
        next.Ready("next");
        Assert.Equal("STOPPING=1", await manager.ReceiveAsync());
        Assert.Equal("READY=1\nSTATUS=next", await manager.ReceiveAsync());
    }

    [Theory]
    [InlineData("/nowhere/notify")]
    [InlineData("@")]
    public async Task Without_a_service_manager_that_listens_it_serves(string socket)
    {
        using var server = Serve(("NOTIFY_SOCKET", socket));
        await server.ListensAsync();
        await server.SignalAsync("TERM");
        Assert.Equal(0, await server.ExitAsync());
        Assert.Empty(server.Errors);
    }

    private ServerProcess Serve(params (string Name, string Value)[] environment) =>
        ServerProcess.StartIn(_directory.FullName, environment, "--cert", CertPath, "--key", KeyPath, "--port", "0");

    /// <summary>A collector that keeps what it is sent, over HTTP.</summary>
    private sealed class Collector : IAsyncDisposable
    {
        private readonly WebApplication _app;

        public Collector()
        {
            var builder = WebApplication.CreateSlimBuilder(["--hostBuilder:reloadConfigOnChange=false"]);
            builder.Logging.ClearProviders();
            builder.WebHost.ConfigureKestrel(kestrel => kestrel.Listen(IPAddress.Loopback, 0));
            _app = builder.Build();
            _app.Run(async context =>
            {
                using var body = new MemoryStream();
                await context.Request.Body.CopyToAsync(body);
                var headers = string.Join('\n', context.Request.Headers.Select(header => $"{header.Key}: {header.Value}"));
                Requests.Enqueue((context.Request.Path, headers + Encoding.Latin1.GetString(body.ToArray())));
            });
        }

        public ConcurrentQueue<(string Path, string Text)> Requests { get; } = new();

        public async Task<string> StartAsync()
        {
            await _app.StartAsync();
            return _app.Services.GetRequiredService<IServer>().Features.Get<IServerAddressesFeature>()!.Addresses.Single();
        }

        public bool Has(string path, params string[] texts) =>
            Requests.Any(request => request.Path == path && texts.All(text => request.Text.Contains(text, StringComparison.Ordinal)));

        public ValueTask DisposeAsync() => _app.DisposeAsync();
    }
}
