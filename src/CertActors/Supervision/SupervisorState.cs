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
    private readonly Dictionary<string, ReloadState> _reloadStates = new(StringComparer.Ordinal);

    // Of those whose options have changed since their actor was started: whether their files are at the same paths.
    private readonly Dictionary<string, bool> _changed = new(StringComparer.Ordinal);

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

    /// <summary>The name of the pair that is the default by the options, also if it waits for the end of a removal; null if none is.</summary>
    public string? Default
    {
        get
        {
            var pairs = Pairs.Select(pair => (pair.Options, pair.IsConfigured))
                .Concat(Additions.Where(addition => !addition.IsBundle).Select(addition => (Options: addition.Pair!, addition.IsConfigured)));
            return CertificatesOptions.DefaultOf([.. pairs.OrderBy(pair => PlaceOf(pair.Options.Name, pair.IsConfigured)).Select(pair => pair.Options)])?.Name;
        }
    }

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
    /// <param name="added">The pair or trust bundle.</param>
    /// <param name="reloadState">What <see cref="Remove"/> has returned, if it was removed before; null for a new one.</param>
    public void Add(ReloadableState added, ReloadState? reloadState = null)
    {
        _all.Add(added.Name, added);
        Snapshot.Set(added);
        _names.Add(added.Name);
        _reloadStates.Add(added.Name, reloadState ?? new ReloadState());
    }

    /// <summary>Puts a pair or bundle with other options in the place of the one that has its name. What is known of the loads of its last files is forgotten.</summary>
    public void Change(ReloadableState changed)
    {
        var isAtSamePaths = _all[changed.Name].Files.Paths.SequenceEqual(changed.Files.Paths);
        _changed[changed.Name] = isAtSamePaths && _changed.GetValueOrDefault(changed.Name, defaultValue: true);
        Replace(changed.WithoutLoads());
    }

    /// <summary>Sets the order of the options' pairs and trust bundles: see <see cref="Arrange"/>.</summary>
    public void SetOrder(IEnumerable<string> names) => _places = names.Index().ToDictionary(name => name.Item, name => name.Index, StringComparer.Ordinal);

    /// <summary>Puts those of the options in their order, and before those that messages have added.</summary>
    public void Arrange()
    {
        ReloadableState[] arranged = [.. All.OrderBy(known => PlaceOf(known.Name, known.IsConfigured))];
        if (arranged.SequenceEqual(All))
            return;
        _all.Clear();
        foreach (var known in arranged)
            _all.Add(known.Name, known);
    }

    /// <summary>Removes a pair or a trust bundle.</summary>
    /// <returns>What its actor remembers.</returns>
    public ReloadState Remove(string name)
    {
        _all.Remove(name);
        Snapshot.Remove(name);
        _names.Remove(name);
        _changed.Remove(name);
        NameConflicts.RemoveWhere(conflict => conflict.First == name || conflict.Other == name);
        _reloadStates.Remove(name, out var reloadState);
        return reloadState!;
    }

    /// <summary>Whether a pair or trust bundle has the name, or waits for the end of a removal in order to have it.</summary>
    public bool HasName(string name) => _names.Contains(name) || Additions.Any(addition => addition.Name.Equals(name, StringComparison.OrdinalIgnoreCase));

    /// <summary>How to start a <see cref="ReloadActor"/>. Called when the last one of the name has stopped.</summary>
    /// <remarks>
    /// With other options, it remembers nothing of the last files, but for a load at the same paths that may still run: it holds a disk thread. What its
    /// predecessor has reported until it has stopped is forgotten, too.
    /// </remarks>
    public Props ReloadActorOf(IReloadable target, SwapGate? gate, ILogger log)
    {
        var name = target.Files.Name;
        if (_changed.Remove(name, out var isAtSamePaths))
        {
            Replace(_all[name].WithoutLoads());
            _reloadStates[name] = new ReloadState { Attempt = isAtSamePaths ? _reloadStates[name].Attempt : null };
        }

        return ReloadActor.Props(target, _reloadStates[name], Platform.Disk, gate, log);
    }

    /// <returns>False if it was removed meanwhile.</returns>
    public bool TryFind(string name, [NotNullWhen(true)] out ReloadableState? known) => _all.TryGetValue(name, out known);

    /// <summary>Puts what is known now in the place of what was known.</summary>
    public void Replace(ReloadableState known)
    {
        _all[known.Name] = known;
        Snapshot.Set(known);
    }

    private int PlaceOf(string name, bool isConfigured) => isConfigured ? _places[name] : int.MaxValue;
}
