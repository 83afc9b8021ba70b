using System.Diagnostics.Metrics;

namespace CertActors.Tests.Support;

/// <summary>A measurement as a reader of metrics gets it.</summary>
/// <param name="Metric">The name of the instrument.</param>
/// <param name="Value">The value.</param>
/// <param name="Tags">The attributes.</param>
internal sealed record Series(string Metric, double Value, IReadOnlyDictionary<string, string> Tags)
{
    /// <summary>Whether it has these attributes, and maybe others.</summary>
    public bool Has(params (string Key, string Value)[] tags) => tags.All(tag => Tags.GetValueOrDefault(tag.Key) == tag.Value);
}

/// <summary>Reads the instruments of one meter.</summary>
internal sealed class MetricReader : IDisposable
{
    private readonly MeterListener _listener = new();
    private readonly List<Series> _read = [];

    public MetricReader(Meter meter)
    {
        _listener.InstrumentPublished = (instrument, listener) =>
        {
            if (instrument.Meter != meter)
                return;
            Instruments.Add(instrument);
            listener.EnableMeasurementEvents(instrument);
        };
        _listener.SetMeasurementEventCallback<int>((instrument, value, tags, _) => Add(instrument, value, tags));
        _listener.SetMeasurementEventCallback<long>((instrument, value, tags, _) => Add(instrument, value, tags));
        _listener.SetMeasurementEventCallback<double>((instrument, value, tags, _) => Add(instrument, value, tags));
        _listener.Start();
    }

    public List<Instrument> Instruments { get; } = [];

    /// <summary>What was recorded since the last call, and what is observed now.</summary>
    public IReadOnlyList<Series> Read()
    {
        _listener.RecordObservableInstruments();
        Series[] read = [.. _read];
        _read.Clear();
        return read;
    }

    /// <returns>The value of the only series of a metric that has these attributes.</returns>
    public double Value(string metric, params (string Key, string Value)[] tags) => Assert.Single(Read(), series => series.Metric == metric && series.Has(tags)).Value;

    public void Dispose() => _listener.Dispose();

    private void Add(Instrument instrument, double value, ReadOnlySpan<KeyValuePair<string, object?>> tags) =>
        _read.Add(new Series(instrument.Name, value, tags.ToArray().ToDictionary(tag => tag.Key, tag => (string)tag.Value!)));
}
