using System.Diagnostics.Metrics;
using System.Globalization;
using CertActors.Diagnostics;

namespace CertActors.Supervision;

/// <summary>What the metrics show of one supervisor. Any thread may call it: it reads snapshots, and the counters of the holder.</summary>
/// <param name="path">The supervisor's path: two in one process may have pairs of the same name.</param>
/// <param name="known">What the supervisor knows.</param>
/// <param name="holder">The supervisor's.</param>
/// <param name="clock">Returns the time of the actor system's scheduler.</param>
internal sealed class MeteredSupervisor(string path, StateSnapshot known, CertificateHolder holder, Func<DateTimeOffset> clock)
{
    private const int MaxSubjectLength = 200;

    // Short, as a part of a label; two certificates of one bundle do not share it by accident.
    private const int Sha256Length = 16;

    private readonly KeyValuePair<string, object?> _supervisor = new(MetricTags.Supervisor, path);

    private IEnumerable<PairState> Pairs => known.All.OfType<PairState>();

    private IEnumerable<BundleState> Bundles => known.All.OfType<BundleState>();

    public IEnumerable<Measurement<long>> Reloads()
    {
        foreach (var one in known.All)
        {
            yield return Of(one.Loads.Changed, one.Name, (MetricTags.Outcome, "changed"));
            yield return Of(one.Loads.Unchanged, one.Name, (MetricTags.Outcome, "unchanged"));
            foreach (var (reason, count) in one.Rejections)
                yield return Of(count, one.Name, (MetricTags.Outcome, "rejected"), (MetricTags.Error, reason.ToString()));
        }
    }

    public IEnumerable<Measurement<long>> Generations() =>
        known.All.Select(one => Of(one.LastChange?.Generation ?? EarlierGenerationOf(one) ?? 0, one.Name));

    public IEnumerable<Measurement<long>> CertificateEnds() =>
        Pairs.Where(pair => pair.Served is not null).Select(pair => Of(pair.Served!.Current.NotAfter.ToUnixTimeSeconds(), pair.Name));

    public IEnumerable<Measurement<long>> CertificateStarts() =>
        Pairs.Where(pair => pair.Served is not null).Select(pair => Of(pair.Served!.Current.NotBefore.ToUnixTimeSeconds(), pair.Name));

    // By its position, and not by its hash as an authority: pairs share few intermediates, and each renewal would begin a new series for each pair.
    public IEnumerable<Measurement<long>> IntermediateEnds() =>
        from pair in Pairs
        from one in pair.Served?.Chain.Index() ?? []
        select Of(one.Item.NotAfter.ToUnixTimeSeconds(), pair.Name, (MetricTags.IntermediatePosition, (one.Index + 1).ToString(CultureInfo.InvariantCulture)));

    public IEnumerable<Measurement<long>> AuthorityEnds() =>
        from bundle in Bundles
        from authority in bundle.Served?.Authorities ?? []
        select Of(authority.NotAfter.ToUnixTimeSeconds(), bundle.Name, TagsOf(authority));

    public IEnumerable<Measurement<double>> CheckAges()
    {
        var now = clock();
        return known.All.Where(one => one.LastCheck is not null).Select(one => Of(CertificateMetrics.Seconds(now - one.LastCheck!.Value), one.Name));
    }

    public IEnumerable<Measurement<int>> WatchModes() =>
        from one in known.All
        where one.WatchMode is not null
        from mode in (WatchMode[])[WatchMode.Events, WatchMode.Polling]
        select Of(one.WatchMode!.Mode == mode ? 1 : 0, one.Name, (MetricTags.WatchMode, mode == WatchMode.Events ? "events" : "polling"));

    public IEnumerable<Measurement<int>> Connections()
    {
        foreach (var (name, connections) in ConnectionsByName())
        {
            yield return Of(connections.Where(one => one.SupersededAt is null).Sum(one => one.Open), name, (MetricTags.GenerationState, "current"));
            yield return Of(connections.Where(one => one.SupersededAt is not null).Sum(one => one.Open), name, (MetricTags.GenerationState, "superseded"));
        }
    }

    public IEnumerable<Measurement<double>> DrainAges()
    {
        var now = clock();
        foreach (var (name, connections) in ConnectionsByName())
            yield return Of(connections.Min(one => one.SupersededAt) is { } oldest ? CertificateMetrics.Seconds(now - oldest) : 0, name);
    }

    public IEnumerable<Measurement<long>> UnservedHandshakes() =>
        holder.Unserved.Counts.Select(one => new Measurement<long>(one.Count, _supervisor, new KeyValuePair<string, object?>(MetricTags.Error, one.Reason)));

    public IEnumerable<Measurement<long>> RefusedPeers() =>
        from bundle in Bundles
        from refused in holder.FindRefusals(bundle.Name)?.Counts ?? []
        select Of(refused.Count, bundle.Name, (MetricTags.Error, refused.Refusal.ToString()));

    public IEnumerable<Measurement<long>> PeerHandshakes() => Accepted().Select(one => Of(one.Peers.Handshakes, one.Bundle, TagsOf(one.Peers.Authority)));

    public IEnumerable<Measurement<long>> PeersLastSeen() =>
        from one in Accepted()
        where one.Peers.LastSeen is not null
        select Of(one.Peers.LastSeen!.Value.ToUnixTimeSeconds(), one.Bundle, TagsOf(one.Peers.Authority));

    public IEnumerable<Measurement<long>> PeerEnds() =>
        from one in Accepted()
        where one.Peers.EarliestExpiry is not null
        select Of(one.Peers.EarliestExpiry!.Value.ToUnixTimeSeconds(), one.Bundle, TagsOf(one.Peers.Authority));

    // Until its own first load, a supervisor knows no generation that an earlier one has published in the holder.
    private long? EarlierGenerationOf(ReloadableState one) =>
        one is PairState ? holder.Get(one.Name)?.Generation : holder.GetTrustBundle(one.Name)?.Generation;

    // A pair that was removed and one that has its name now have one series.
    private IEnumerable<(string Name, IReadOnlyList<GenerationConnections> Connections)> ConnectionsByName() =>
        from one in Pairs.Select(pair => (pair.Name, Connections: holder.ConnectionsOf(pair.Name)))
            .Concat(known.RemovedFrom(holder).Select(removed => (removed.Name, removed.Connections)))
        group one.Connections by one.Name into named
        let connections = named.SelectMany(one => one).ToArray()
        where connections.Length > 0
        select (named.Key, (IReadOnlyList<GenerationConnections>)connections);

    private IEnumerable<(string Bundle, AcceptedPeers Peers)> Accepted() =>
        from bundle in Bundles
        from peers in holder.FindAcceptances(bundle.Name)?.At(holder.UtcNow()) ?? []
        select (bundle.Name, peers);

    private static (string, string)[] TagsOf(CertificateFacts authority) =>
    [
        (MetricTags.Authority, Printable.Of(authority.Subject.Length <= MaxSubjectLength ? authority.Subject : authority.Subject[..MaxSubjectLength])),
        (MetricTags.AuthoritySha256, authority.Sha256[..Sha256Length]),
    ];

    private Measurement<T> Of<T>(T value, string name, params ReadOnlySpan<(string Key, string Value)> tags)
        where T : struct
    {
        var all = new KeyValuePair<string, object?>[tags.Length + 2];
        (all[0], all[1]) = (_supervisor, new(MetricTags.Name, name));
        for (var i = 0; i < tags.Length; i++)
            all[i + 2] = new(tags[i].Key, tags[i].Value);
        return new Measurement<T>(value, all);
    }
}
