using System.Collections.Immutable;
using System.Diagnostics.Metrics;
using CertActors.Watching;

namespace CertActors.Supervision;

/// <summary>The instruments of the meter <c>CertActors</c>. What they observe is that of the supervisors that run.</summary>
/// <remarks>
/// The process has one meter, which is never disposed: when one of several meters of a name is disposed, the SDK of OpenTelemetry stops the others, too
/// (https://github.com/open-telemetry/opentelemetry-dotnet/issues/6412). Measurements with the name of a pair or trust bundle are observed, and not
/// recorded: those of a removed pair end with the next collection, where an SDK keeps what was recorded as long as the process runs.
/// </remarks>
internal sealed class CertificateMetrics
{
    public const string MeterName = "CertActors";

    private static readonly InstrumentAdvice<double> LoadBuckets =
        new() { HistogramBucketBoundaries = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10] };

    // From the debounce window to a hold and a retry or two.
    private static readonly InstrumentAdvice<double> LatencyBuckets = new() { HistogramBucketBoundaries = [0.1, 0.2, 0.3, 0.5, 0.75, 1, 2.5, 5, 7.5, 10, 30, 60] };

    private readonly Histogram<double> _loadDuration;
    private readonly Histogram<double> _changeLatency;
    private ImmutableArray<MeteredSupervisor> _running = [];

    public CertificateMetrics(Meter meter)
    {
        _loadDuration = meter.CreateHistogram("certactors.load.duration", "s", "Time from the start of a load to its end, with the wait for a thread.", tags: null, LoadBuckets);
        _changeLatency = meter.CreateHistogram("certactors.change.latency", "s", "Time from the first event or poll that noticed a change to the swap.", tags: null, LatencyBuckets);
        WatchEvents = new(meter.CreateCounter<long>("certactors.watch.events", "{event}", "File events of watched paths."));
        meter.CreateObservableCounter("certactors.reloads", () => Observe(running => running.Reloads()), "{reload}", "Loads that have ended, or were given up.");
        meter.CreateObservableGauge("certactors.generation", () => Observe(running => running.Generations()), "{generation}", "The generation that is served; 0 while none is.");
        meter.CreateObservableGauge("certactors.certificate.not_after", () => Observe(running => running.CertificateEnds()), "s", "When the leaf that is served expires, in Unix time.");
        meter.CreateObservableGauge("certactors.certificate.not_before", () => Observe(running => running.CertificateStarts()), "s", "When the validity of the leaf that is served has begun, in Unix time.");
        meter.CreateObservableGauge("certactors.intermediate.not_after", () => Observe(running => running.IntermediateEnds()), "s", "When an intermediate that is sent with the leaf expires, in Unix time.");
        meter.CreateObservableGauge("certactors.authority.not_after", () => Observe(running => running.AuthorityEnds()), "s", "When a certificate of a trust bundle expires, in Unix time.");
        meter.CreateObservableGauge("certactors.check.age", () => Observe(running => running.CheckAges()), "s", "Time since the files were last found to be what is served.");
        meter.CreateObservableGauge("certactors.watch.mode", () => Observe(running => running.WatchModes()), "{mode}", "1 for the way in which changes are noticed, 0 for the other.");
        meter.CreateObservableUpDownCounter("certactors.connections", () => Observe(running => running.Connections()), "{connection}", "Open connections that are counted.");
        meter.CreateObservableGauge("certactors.drain.age", () => Observe(running => running.DrainAges()), "s", "Time since the oldest generation that still has connections was superseded; 0 if none has.");
        meter.CreateObservableCounter("certactors.handshakes.unserved", () => Observe(running => running.UnservedHandshakes()), "{handshake}", "Handshakes for which there was no certificate or trust bundle.");
        meter.CreateObservableCounter("certactors.peers.accepted", () => Observe(running => running.PeerHandshakes()), "{handshake}", "Handshakes whose peer a trust bundle has accepted.");
        meter.CreateObservableGauge("certactors.peers.last_seen", () => Observe(running => running.PeersLastSeen()), "s", "When the last peer was accepted, in Unix time.");
        meter.CreateObservableGauge("certactors.peers.not_after", () => Observe(running => running.PeerEnds()), "s", "When the first of the peers' certificates expires that were seen within a day, in Unix time.");
        meter.CreateObservableCounter("certactors.peers.refused", () => Observe(running => running.RefusedPeers()), "{handshake}", "Handshakes whose peer a trust bundle has refused.");
    }

    public static CertificateMetrics Shared { get; } = new(new Meter(MeterName, typeof(CertificateMetrics).Assembly.GetName().Version?.ToString(3)));

    public WatchEventCounter WatchEvents { get; }

    /// <summary>Observes a supervisor from now on.</summary>
    public void Add(MeteredSupervisor supervisor) => ImmutableInterlocked.Update(ref _running, static (running, added) => running.Add(added), supervisor);

    public void Remove(MeteredSupervisor supervisor) => ImmutableInterlocked.Update(ref _running, static (running, removed) => running.Remove(removed), supervisor);

    public void RecordLoad(TimeSpan duration, string outcome) => _loadDuration.Record(Seconds(duration), new KeyValuePair<string, object?>(MetricTags.Outcome, outcome));

    public void RecordChange(TimeSpan latency) => _changeLatency.Record(Seconds(latency));

    /// <summary>A time that has passed. It is 0 after the clock was set back.</summary>
    public static double Seconds(TimeSpan passed) => Math.Max(passed.TotalSeconds, 0);

    private IEnumerable<Measurement<T>> Observe<T>(Func<MeteredSupervisor, IEnumerable<Measurement<T>>> observe)
        where T : struct => _running.SelectMany(observe);
}

/// <summary>The attributes of measurements, and their values.</summary>
internal static class MetricTags
{
    public const string Supervisor = "certactors.supervisor";
    public const string Name = "certactors.name";
    public const string Outcome = "certactors.outcome";
    public const string IntermediatePosition = "certactors.intermediate.position";
    public const string Authority = "certactors.authority";
    public const string AuthoritySha256 = "certactors.authority.sha256";
    public const string WatchMode = "certactors.watch.mode";
    public const string GenerationState = "certactors.generation.state";

    /// <summary>The name of a <see cref="RejectionReason"/> or <see cref="TrustRefusal"/>, as the log has it (OpenTelemetry's general attributes).</summary>
    public const string Error = "error.type";
}
