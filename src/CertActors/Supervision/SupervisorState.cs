using System.Diagnostics.CodeAnalysis;
using Akka.Actor;
using CertActors.Holding;
using CertActors.Hooks;
using CertActors.Reloading;
using Microsoft.Extensions.Logging;

namespace CertActors.Supervision;

/// <summary>What a supervisor is made of, and what it must remember across its restarts: its <c>Props</c> carry it. The supervisor's only.</summary>
internal sealed class SupervisorState
{
    private readonly OrderedDictionary<string, ReloadableState> _all = new(StringComparer.Ordinal);
    private readonly Dictionary<string, Func<IReloadable, SwapGate?, ILogger, Props>> _reloadActors = new(StringComparer.Ordinal);

    // Of the names of the last options.
    private Dictionary<string, int> _places = [];

    // People would mix up names that differ in case only.
    private readonly HashSet<string> _names = new(StringComparer.OrdinalIgnoreCase);

    public SupervisorState(
        CertificateHolder holder, CertificatesOptions options, Platform platform, ILoggerFactory? loggers, IReadOnlyList<IRotationHook>? hooks = null)
    {
        Holder = holder;
        Platform = platform;
        Loggers = loggers;
        Hooks = Hook.Of(hooks);
        foreach (var pair in options.Certificates)
            Add(new PairState(pair, pair.ToWatchedFiles()) { IsConfigured = true, IsRequired = options.StopOnFailedFirstLoad });
        foreach (var bundle in options.TrustBundles)
            Add(new BundleState(bundle, bundle.ToWatchedFiles()) { IsConfigured = true });
        SetOrder(All.Select(known => known.Name));
    }

    public CertificateHolder Holder { get; }

    public Platform Platform { get; }

    public ILoggerFactory? Loggers { get; }

    public IReadOnlyList<Hook> Hooks { get; }

    /// <summary>The same as <see cref="All"/>, for other threads, and what is left of removed pairs.</summary>
    public StateSnapshot Snapshot { get; } = new();

    /// <summary>Pairs and trust bundles. Each kind is in the order of the options, then in that in which messages have added them.</summary>
    public IReadOnlyList<ReloadableState> All => _all.Values;

    public IEnumerable<PairState> Pairs => All.OfType<PairState>();

    public IEnumerable<BundleState> Bundles => All.OfType<BundleState>();

    /// <summary>What is added when a removal ends.</summary>
    private IEnumerable<Addition> Additions => Removals.Select(removal => removal.Addition).OfType<Addition>();

    /// <summary>Those that were logged.</summary>
    public HashSet<NameConflict> NameConflicts { get; } = [];

    public HashSet<IActorRef> Subscribers { get; } = [];

    public RecentEvents Recent { get; } = new();

    public ReloadRequests Requests { get; } = new();

    /// <summary>The removals under way: one of a name at most.</summary>
    public List<Removal> Removals { get; } = [];

    /// <summary>Completes when the supervisor owns the holder and has started its children, or fails with the reason why it could not.</summary>
    public TaskCompletionSource Started { get; } = new(TaskCreationOptions.RunContinuationsAsynchronously);

    /// <summary>The options of the pairs, and of those that wait for the end of a removal; or of those alone that messages have added.</summary>
    public IEnumerable<CertificateOptions> PairOptions(bool withConfigured = true) =>
    [
        .. Pairs.Where(pair => withConfigured || !pair.IsConfigured).Select(pair => pair.Options),
        .. Additions.Where(addition => withConfigured || !addition.IsConfigured).Select(addition => addition.Pair).OfType<CertificateOptions>(),
    ];

    /// <summary>The same of the trust bundles.</summary>
    public IEnumerable<TrustBundleOptions> BundleOptions(bool withConfigured = true) =>
    [
        .. Bundles.Where(bundle => withConfigured || !bundle.IsConfigured).Select(bundle => bundle.Options),
        .. Additions.Where(addition => withConfigured || !addition.IsConfigured).Select(addition => addition.Bundle).OfType<TrustBundleOptions>(),
    ];

    /// <summary>Adds a pair or a trust bundle, whose name must be new.</summary>
    public void Add(ReloadableState added)
    {
        _all.Add(added.Name, added);
        Snapshot.Set(added);
        _names.Add(added.Name);
        _reloadActors.Add(added.Name, ReloadActor.PropsWithMemory(Platform.Disk));
    }

    /// <summary>Puts a pair or bundle with other options in the place of the one that has its name. Nothing is remembered of the loads of its last files.</summary>
    public void Change(ReloadableState changed)
    {
        Replace(changed);
        _reloadActors[changed.Name] = ReloadActor.PropsWithMemory(Platform.Disk);
    }

    /// <summary>Sets the order of the options' pairs and trust bundles: see <see cref="Arrange"/>.</summary>
    public void SetOrder(IEnumerable<string> names) => _places = names.Index().ToDictionary(name => name.Item, name => name.Index, StringComparer.Ordinal);

    /// <summary>Puts those of the options in their order, and before those that messages have added.</summary>
    public void Arrange()
    {
        ReloadableState[] arranged = [.. All.OrderBy(known => known.IsConfigured ? _places[known.Name] : int.MaxValue)];
        if (arranged.SequenceEqual(All))
            return;
        _all.Clear();
        foreach (var known in arranged)
            _all.Add(known.Name, known);
    }

    public void Remove(string name)
    {
        _all.Remove(name);
        Snapshot.Remove(name);
        _names.Remove(name);
        _reloadActors.Remove(name);
        NameConflicts.RemoveWhere(conflict => conflict.First == name || conflict.Other == name);
    }

    /// <summary>Whether a pair or trust bundle has the name, or waits for the end of a removal in order to have it.</summary>
    public bool HasName(string name) => _names.Contains(name) || Additions.Any(addition => addition.Name.Equals(name, StringComparison.OrdinalIgnoreCase));

    /// <summary>How to start the <see cref="ReloadActor"/> of that name, again and again.</summary>
    public Func<IReloadable, SwapGate?, ILogger, Props> ReloadActorOf(string name) => _reloadActors[name];

    /// <returns>False if it was removed meanwhile.</returns>
    public bool TryFind(string name, [NotNullWhen(true)] out ReloadableState? known) => _all.TryGetValue(name, out known);

    /// <summary>Puts what is known now in the place of what was known.</summary>
    public void Replace(ReloadableState known)
    {
        _all[known.Name] = known;
        Snapshot.Set(known);
    }
}
