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

    /// <exception cref="InvalidDataException">A variable has an invalid value.</exception>
    public static void Add(IServiceCollection services)
    {
        // The environment last, so that OTEL_SERVICE_NAME replaces the name.
        var telemetry = services.AddOpenTelemetry()
            .ConfigureResource(resource => resource
                .AddService(CommandLine.Name, serviceVersion: typeof(Telemetry).Assembly.GetName().Version!.ToString(3))
                .AddEnvironmentVariableDetector())
            .WithMetrics(metrics => metrics.AddMeter(Source).AddPrometheusExporter());
        if (IsExported("METRICS"))
            telemetry.WithMetrics(metrics => metrics.AddOtlpExporter(options => SetOptionsOf("METRICS", options)));
        if (IsExported("TRACES"))
            telemetry.WithTracing(traces => traces.AddSource(Source).AddOtlpExporter(options => SetOptionsOf("TRACES", options)));
    }

    // The SDK evaluates neither OTEL_METRICS_EXPORTER nor OTEL_TRACES_EXPORTER. Without them, an endpoint asks for the export: by the specification,
    // the default endpoint is this machine, where no collector need be.
    private static bool IsExported(string signal) => Variable($"OTEL_{signal}_EXPORTER") is { } exporters
        ? exporters.Split(',', StringSplitOptions.TrimEntries).Contains("otlp", StringComparer.OrdinalIgnoreCase)
        : EndpointOf("OTEL_EXPORTER_OTLP_ENDPOINT") is not null | EndpointOf($"OTEL_EXPORTER_OTLP_{signal}_ENDPOINT") is not null;

    // AddOtlpExporter reads the variables of all signals, and not those of one.
    private static void SetOptionsOf(string signal, OtlpExporterOptions options)
    {
        var prefix = $"OTEL_EXPORTER_OTLP_{signal}_";
        if (Variable(prefix + "PROTOCOL") is { } protocol)
            options.Protocol = protocol == "http/protobuf" ? OtlpExportProtocol.HttpProtobuf : OtlpExportProtocol.Grpc;
        if (EndpointOf(prefix + "ENDPOINT") is { } endpoint)
            options.Endpoint = endpoint;
        if (Variable(prefix + "HEADERS") is { } headers)
            options.Headers = headers;
        if (int.TryParse(Variable(prefix + "TIMEOUT"), out var milliseconds))
            options.TimeoutMilliseconds = milliseconds;
    }

    private static Uri? EndpointOf(string name) => Variable(name) switch
    {
        null => null,
        { } text when Uri.TryCreate(text, UriKind.Absolute, out var uri) && uri.Scheme is "http" or "https" => uri,
        { } text => throw new InvalidDataException($"{name} is '{text}', and must be an address such as http://127.0.0.1:4318."),
    };

    private static string? Variable(string name) => Environment.GetEnvironmentVariable(name) is { Length: > 0 } value ? value : null;
}
