using System.Net;
using System.Runtime.CompilerServices;
using System.Text.Json;
using System.Text.RegularExpressions;
using Akka.Actor;
using Akka.Hosting;
using CertActors.Hosting;
using CertActors.Tests.Support;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Hosting.Server;
using Microsoft.AspNetCore.Hosting.Server.Features;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;
using OpenTelemetry.Metrics;

namespace CertActors.IntegrationTests;

/// <summary>The metrics as OpenTelemetry's Prometheus exporter writes them, and the dashboard and alerts that use them.</summary>
public sealed partial class MonitoringTests : IAsyncDisposable
{
    private static readonly TimeSpan Generous = TimeSpan.FromSeconds(60);

    private readonly DirectoryInfo _root = Directory.CreateTempSubdirectory("certactors-test-");
    private readonly TestAuthority _authority = new("monitored");
    private WebApplication? _app;

    private string CertPath => Path.Combine(_root.FullName, "tls.crt");

    private string KeyPath => Path.Combine(_root.FullName, "tls.key");

    private string BundlePath => Path.Combine(_root.FullName, "ca.pem");

    public async ValueTask DisposeAsync()
    {
        if (_app is not null)
            await _app.DisposeAsync();
        _root.Delete(recursive: true);
    }

    [Fact]
    public async Task The_exporter_writes_each_documented_metric_and_the_dashboard_and_the_alerts_use_nothing_else()
    {
        await StartAsync();
        var exposed = await ScrapeAsync();

        Assert.Equal(DocumentedMetrics.Read().Select(PrometheusNameOf).Order(), Families(exposed).Order());
        var known = Words(exposed).ToHashSet();
        var (dashboard, rules) = (Read("grafana-dashboard.json"), Read("prometheus-rules.yml"));
        Assert.Empty(Words(dashboard).Concat(Words(rules)).Except(known));
        Assert.All(Families(exposed), family => Assert.Contains(family, dashboard, StringComparison.Ordinal));
        var selectors = Selectors(dashboard).Concat(Selectors(rules)).Distinct().ToArray();
        Assert.Equal(["certactors_outcome=\"rejected\"", "certactors_watch_mode=\"polling\"", "error_type=\"NotLoaded\""], selectors.Order(StringComparer.Ordinal));
        Assert.All(selectors, selector => Assert.Contains(selector, exposed, StringComparison.Ordinal));
        Assert.Contains("le=\"0.3\"", exposed, StringComparison.Ordinal); // The library's own buckets.
    }

    [Fact]
    public void The_dashboard_has_panels_that_do_not_overlap_each_with_its_own_number()
    {
        using var dashboard = JsonDocument.Parse(Read("grafana-dashboard.json"));
        var panels = dashboard.RootElement.GetProperty("panels").EnumerateArray().ToArray();

        Assert.Equal(panels.Length, panels.Select(panel => panel.GetProperty("id").GetInt32()).Distinct().Count());
        Assert.All(panels, panel => Assert.NotEqual("", panel.GetProperty("title").GetString()));
        var cells = panels.Select(panel => panel.GetProperty("gridPos")).SelectMany(grid =>
            from x in Enumerable.Range(Of(grid, "x"), Of(grid, "w"))
            from y in Enumerable.Range(Of(grid, "y"), Of(grid, "h"))
            select (x, y)).ToArray();
        Assert.Equal(cells.Length, cells.Distinct().Count());
        Assert.All(cells, cell => Assert.InRange(cell.x, 0, 23));

        static int Of(JsonElement grid, string name) => grid.GetProperty(name).GetInt32();
    }

    [PromtoolFact]
    public async Task Promtool_accepts_the_alerts_their_tests_and_the_exposition()
    {
        foreach (var arguments in (string[][])[["check", "rules", PathOf("prometheus-rules.yml")], ["test", "rules", PathOf("prometheus-rules-test.yml")]])
        {
            var (exitCode, output) = await PromtoolFactAttribute.RunAsync(input: "", arguments);
            Assert.True(exitCode == 0, output);
        }

        await StartAsync();
        var (code, messages) = await PromtoolFactAttribute.RunAsync(await ScrapeAsync(), "check", "metrics");
        Assert.True(code == 0, messages);
    }

    // Everything that is measured happens once.
    private async Task StartAsync()
    {
        Write(TestPair.Make());
        File.WriteAllText(BundlePath, _authority.CertificatePem);
        var builder = WebApplication.CreateSlimBuilder(["--hostBuilder:reloadConfigOnChange=false"]);
        builder.Logging.ClearProviders();
        builder.WebHost.ConfigureKestrel(kestrel => kestrel.Listen(IPAddress.Loopback, 0));
        builder.Services.AddCertificates(new CertificatesOptions
        {
            Certificates = [new CertificateOptions { Name = "monitored", CertificatePath = CertPath, KeyPath = KeyPath }],
            TrustBundles = [new TrustBundleOptions { Name = "monitored-trust", CertificatePaths = [BundlePath] }],
        });
        builder.Services.AddAkka("monitored", akka => akka.WithCertificates());
        builder.Services.AddOpenTelemetry().WithMetrics(metrics => metrics
            .AddMeter("CertActors")
            .AddView("certactors.*", new MetricStreamConfiguration { CardinalityLimit = 10_000 }) // As in the README.
            .AddPrometheusExporter());
        _app = builder.Build();
        _app.MapPrometheusScrapingEndpoint();
        await _app.StartAsync();

        var holder = _app.Services.GetRequiredService<CertificateHolder>();
        var served = await holder.WaitForFirstAsync(Generous);
        served.BeginConnection();
        await Wait.UntilAsync(() => holder.GetTrustBundle("monitored-trust") is not null);
        var accepted = new TrustResult { Refusal = null, Message = "", Authority = holder.GetTrustBundle("monitored-trust")!.Authorities[0] };
        holder.FindAcceptances("monitored-trust")!.Recorder(accepted, served.Leaf, holder.UtcNow());
        holder.RefusalsOf("monitored-trust")(new TrustResult { Refusal = TrustRefusal.Expired, Message = "" });

        var intermediate = new TestAuthority("intermediate", _authority);
        var leaf = new TestLeaf { Issuer = intermediate }.Make();
        Write(leaf with { CertificatePem = leaf.CertificatePem + intermediate.CertificatePem });
        await Wait.UntilAsync(() => holder.Current!.Generation == 2);
        File.WriteAllText(CertPath, "");
        await _app.Services.GetRequiredService<IRequiredActor<CertificateSupervisor>>().ActorRef.Ask<ReloadNowResult>(new ReloadNow(), Generous);
    }

    private async Task<string> ScrapeAsync()
    {
        using var client = new HttpClient { BaseAddress = new Uri(_app!.Services.GetRequiredService<IServer>().Features.Get<IServerAddressesFeature>()!.Addresses.Single()) };
        var scraped = "";
        await Wait.UntilAsync(async () =>
        {
            scraped = await client.GetStringAsync("/metrics");
            return Families(scraped).Count() >= DocumentedMetrics.Read().Count;
        });
        return scraped;
    }

    private void Write(TestPair pair)
    {
        File.WriteAllText(CertPath, pair.CertificatePem);
        File.WriteAllText(KeyPath, pair.KeyPem);
    }

    // https://opentelemetry.io/docs/specs/otel/compatibility/prometheus_and_openmetrics/
    private static string PrometheusNameOf(DocumentedMetric metric)
    {
        var unit = metric.Unit == "s" ? "_seconds" : "";
        var total = metric.Instrument is "Counter" or "ObservableCounter" ? "_total" : "";
        return metric.Name.Replace('.', '_') + unit + total;
    }

    private static IEnumerable<string> Families(string exposed) =>
        FamilyPattern().Matches(exposed).Select(match => match.Groups[1].Value).Where(family => family.StartsWith("certactors_", StringComparison.Ordinal)).Distinct();

    private static IEnumerable<string> Words(string text) => WordPattern().Matches(text).Select(match => match.Value).Distinct();

    // Those of a value, and not of one that a reader chooses. JSON escapes the quotes.
    private static IEnumerable<string> Selectors(string text) => SelectorPattern().Matches(text.Replace("\\\"", "\"", StringComparison.Ordinal)).Select(match => match.Value);

    private static string Read(string name) => File.ReadAllText(PathOf(name));

    private static string PathOf(string name, [CallerFilePath] string path = "") =>
        Path.GetFullPath(Path.Combine(Path.GetDirectoryName(path)!, "../../src/CertActors/monitoring", name));

    [GeneratedRegex("^# TYPE (\\S+) ", RegexOptions.Multiline)]
    private static partial Regex FamilyPattern();

    [GeneratedRegex("\\b[a-z_]+=\"[A-Za-z]+\"")]
    private static partial Regex SelectorPattern();

    [GeneratedRegex("certactors_[a-z0-9_]+")]
    private static partial Regex WordPattern();
}
