using System.Collections.Immutable;
using CertActors.Holding;

namespace CertActors.Supervision;

/// <summary>What a supervisor knows of each pair and trust bundle, as an immutable snapshot. Replaced whole by the supervisor; read by any thread.</summary>
internal sealed class StateSnapshot
{
    private volatile ImmutableDictionary<string, ReloadableState> _all = ImmutableDictionary.Create<string, ReloadableState>(StringComparer.Ordinal);

    // The generations of pairs that were removed, by the pair's name.
    private volatile ImmutableDictionary<string, IReadOnlyList<GenerationUse>> _draining = ImmutableDictionary.Create<string, IReadOnlyList<GenerationUse>>(StringComparer.Ordinal);

    public IEnumerable<ReloadableState> All => _all.Values;

    public void Set(ReloadableState known) => _all = _all.SetItem(known.Name, known);

    public void Remove(string name) => _all = _all.Remove(name);

    /// <summary>The generations of pairs of that name which were removed, until they have drained.</summary>
    public IReadOnlyList<GenerationUse> DrainingOf(string name) => _draining.GetValueOrDefault(name) ?? [];

    public void SetDraining(string name, IReadOnlyList<GenerationUse> generations) =>
        _draining = generations.Count > 0 ? _draining.SetItem(name, generations) : _draining.Remove(name);

    /// <summary>The pairs that were removed and are still in use, by name.</summary>
    public IReadOnlyList<RemovedCertificateStatus> RemovedFrom(CertificateHolder holder)
    {
        var (draining, served) = (_draining, holder.RemovedDefault());
        return
        [
            .. from name in draining.Keys.Union(served is null ? [] : [served.Name], StringComparer.Ordinal).Order(StringComparer.Ordinal)
               let connections = (draining.GetValueOrDefault(name) ?? []).Where(use => use.OpenConnections > 0 || !use.IsSuperseded).Select(use => use.Connections).ToArray()
               let isServed = name == served?.Name
               where isServed || connections.Length > 0
               select new RemovedCertificateStatus { Name = name, Served = isServed ? served!.Announcement : null, Connections = connections },
        ];
    }
}
