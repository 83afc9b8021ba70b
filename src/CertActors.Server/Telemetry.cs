using System.Buffers;
using System.Diagnostics.Metrics;
using System.Globalization;
using OpenTelemetry;
using OpenTelemetry.Exporter;
using OpenTelemetry.Metrics;
using OpenTelemetry.Resources;
using OpenTelemetry.Trace;

namespace CertActors.Server;

/// <summary>The metrics for Prometheus, and metrics and traces by OTLP if the environment variables of OpenTelemetry ask for them.</summary>
internal static class Telemetry
{
    // Of the meter, and of the activity source.
    private const string Source = "CertActors";

    // The limit of series of the SDK. Beyond it, series are counted as one without a name, so that no alert names a pair.
    private const int DefaultLimit = 2000;

    // A name has two series of some metrics. The place of a series is kept when its name is removed, so that there is room for as many names again.
    private const int PlacesPerName = 4;

    // Of this one, a name has a series for each outcome, and for each reason of a rejection: a fault that all pairs have adds one to each name.
    private const string Reloads = "certactors.reloads";
    private const int ReloadPlacesPerName = 12;

    private static readonly SearchValues<char> HeaderName = SearchValues.Create("!#$%&'*+-.^_`|~0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz");

    /// <param name="builder">The server's.</param>
    /// <param name="names">How many pairs and trust bundles there are at the start.</param>
    /// <exception cref="InvalidDataException">A variable has an invalid value.</exception>
    public static void Add(WebApplicationBuilder builder, int names)
    {
        // OpenTelemetry reads its variables from the host's configuration, which has nothing else.
        builder.Configuration.AddInMemoryCollection(new ConfigurationBuilder().AddEnvironmentVariables().Build().AsEnumerable()
            .Where(variable => variable.Key.StartsWith("OTEL_", StringComparison.Ordinal)));

        // The environment last, so that OTEL_SERVICE_NAME replaces the name.
        var telemetry = builder.Services.AddOpenTelemetry()
            .ConfigureResource(resource => resource
                .AddService(CommandLine.Name, serviceVersion: typeof(Telemetry).Assembly.GetName().Version!.ToString(3))
                .AddEnvironmentVariableDetector())
            .WithMetrics(metrics => metrics.AddMeter(Source).AddView(instrument => ViewOf(instrument, names)).AddPrometheusExporter());
        if (IsExported("METRICS"))
            ExportMetrics(telemetry);
        if (IsExported("TRACES"))
            ExportTraces(telemetry);
    }

    // The SDK allocates the places of all series at once, 90 bytes each. Instruments that are not observed have no names.
    private static MetricStreamConfiguration? ViewOf(Instrument instrument, int names) =>
        instrument.IsObservable
            ? new MetricStreamConfiguration { CardinalityLimit = DefaultLimit + (names * (instrument.Name == Reloads ? ReloadPlacesPerName : PlacesPerName)) }
            : null;

    // Methods of their own: without an export, the assembly of the exporter is not loaded.
    private static void ExportMetrics(OpenTelemetryBuilder telemetry)
    {
        _ = MillisecondsOf("OTEL_METRIC_EXPORT_INTERVAL");
        _ = MillisecondsOf("OTEL_METRIC_EXPORT_TIMEOUT");
        var set = OptionsOf("METRICS");
        telemetry.WithMetrics(metrics => metrics.AddOtlpExporter(set));
    }

    private static void ExportTraces(OpenTelemetryBuilder telemetry)
    {
        var set = OptionsOf("TRACES");
        telemetry.WithTracing(traces => traces.AddSource(Source).AddOtlpExporter(set));
    }

    // The SDK evaluates neither OTEL_METRICS_EXPORTER nor OTEL_TRACES_EXPORTER. Without them, an endpoint asks for the export: by the specification,
    // the default endpoint is this machine, where no collector need be.
    private static bool IsExported(string signal)
    {
        var name = $"OTEL_{signal}_EXPORTER";
        if (Variable(name) is not { } text)
            return EndpointOf("OTEL_EXPORTER_OTLP_ENDPOINT") is not null | EndpointOf($"OTEL_EXPORTER_OTLP_{signal}_ENDPOINT") is not null;
        var exporters = text.ToLowerInvariant().Split(',', StringSplitOptions.TrimEntries);
        return exporters.All(exporter => exporter is "otlp" or "none")
            ? exporters.Contains("otlp")
            : throw Invalid(name, text, "otlp or none; there is no other exporter");
    }

    // The SDK ignores what is invalid, or fails with an error that names no variable. AddOtlpExporter applies the variables of all signals, and not
    // those of one.
    private static Action<OtlpExporterOptions> OptionsOf(string signal)
    {
        Read("OTEL_EXPORTER_OTLP_");
        var (endpoint, protocol, headers, timeout) = Read($"OTEL_EXPORTER_OTLP_{signal}_");
        return options =>
        {
            options.Protocol = protocol ?? options.Protocol;
            if (endpoint is not null)
                options.Endpoint = endpoint; // Its set accessor also stops the SDK from appending the signal's path.
            options.Headers = headers ?? options.Headers;
            options.TimeoutMilliseconds = timeout ?? options.TimeoutMilliseconds;
        };

        static (Uri? Endpoint, OtlpExportProtocol? Protocol, string? Headers, int? Timeout) Read(string prefix) =>
            (EndpointOf(prefix + "ENDPOINT"), ProtocolOf(prefix + "PROTOCOL"), HeadersOf(prefix + "HEADERS"), MillisecondsOf(prefix + "TIMEOUT"));
    }

    private static Uri? EndpointOf(string name) => Variable(name) switch
    {
        null => null,
        { } text when Uri.TryCreate(text, UriKind.Absolute, out var uri) && uri.Scheme is "http" or "https" => uri,
        { } text => throw Invalid(name, text, "an address such as http://127.0.0.1:4318"),
    };

    private static OtlpExportProtocol? ProtocolOf(string name) => Variable(name) switch
    {
        null => null,
        "grpc" => OtlpExportProtocol.Grpc,
        "http/protobuf" => OtlpExportProtocol.HttpProtobuf,
        { } text => throw Invalid(name, text, "grpc or http/protobuf"),
    };

    // Headers may have credentials: no part of them is in the message.
    private static string? HeadersOf(string name)
    {
        var text = Variable(name);
        return text is null || Uri.UnescapeDataString(text).Split(',').All(IsHeader)
            ? text
            : throw new InvalidDataException($"{name} must be headers such as name=value, separated by commas.");

        static bool IsHeader(string header)
        {
            var parts = header.Split('=', 2, StringSplitOptions.TrimEntries);
            return parts is [{ Length: > 0 } key, var value] && !key.AsSpan().ContainsAnyExcept(HeaderName) && !value.Any(char.IsControl);
        }
    }

    private static int? MillisecondsOf(string name) => Variable(name) switch
    {
        null => null,
        { } text when int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out var milliseconds) && milliseconds > 0 => milliseconds,
        { } text => throw Invalid(name, text, "a number of milliseconds of at least 1"),
    };

    private static InvalidDataException Invalid(string name, string text, string expected) => new($"{name} is '{text}', and must be {expected}.");

    private static string? Variable(string name) => Environment.GetEnvironmentVariable(name) is { Length: > 0 } value ? value : null;
}
