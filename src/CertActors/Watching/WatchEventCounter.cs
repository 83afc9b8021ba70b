using System.Diagnostics.Metrics;

namespace CertActors.Watching;

/// <summary>Counts file events of watched paths by what became of them. Any thread may call it; it costs nothing while nobody listens.</summary>
internal sealed class WatchEventCounter(Counter<long> counter)
{
    private const string Result = "certactors.event.result";

    /// <summary>The event is sent to the watch actor.</summary>
    public void AddHandled() => Add("handled");

    /// <summary>An earlier event of the same path still waits for the watch actor, which makes this one superfluous.</summary>
    public void AddCoalesced() => Add("coalesced");

    /// <summary>The queue of the event source has overflowed: any number of events were lost.</summary>
    public void AddOverflowed() => Add("overflowed");

    private void Add(string result) => counter.Add(1, new KeyValuePair<string, object?>(Result, result));
}
