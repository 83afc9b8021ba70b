using System.Collections.Immutable;

namespace CertActors.Supervision;

/// <summary>What a supervisor knows of each pair and trust bundle, as an immutable snapshot. Replaced whole by the supervisor; read by any thread.</summary>
internal sealed class StateSnapshot
{
    private volatile ImmutableDictionary<string, ReloadableState> _all = ImmutableDictionary.Create<string, ReloadableState>(StringComparer.Ordinal);

    public IEnumerable<ReloadableState> All => _all.Values;

    public void Set(ReloadableState known) => _all = _all.SetItem(known.Name, known);

    public void Remove(string name) => _all = _all.Remove(name);
}
