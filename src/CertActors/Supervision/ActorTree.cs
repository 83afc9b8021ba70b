using Akka.Actor;
using CertActors.Debouncing;
using CertActors.Hooks;
using CertActors.Reloading;
using CertActors.Watching;
using Microsoft.Extensions.Logging;

namespace CertActors.Supervision;

/// <summary>The actors below the supervisor, and what is sent to them.</summary>
internal sealed class ActorTree(SupervisorState state, IActorContext context, Children children, ILogger log)
{
    private const string Debounce = "debounce";
    private const string FileWatch = "file-watch";
    private const string Hooks = "hooks";

    // The time in which the actor of the hooks gives the answer of one that hangs.
    private static readonly TimeSpan AnswerTime = TimeSpan.FromSeconds(1);

    // A call may wait for one that an earlier incarnation of the asker has brought about.
    private const int MaxCallsInTurn = 2;

    private readonly SwapGate? _gate = state.Hooks.Count == 0
        ? null
        : new SwapGate(context.ActorSelection(Hooks), (MaxCallsInTurn * state.Hooks.Max(hook => hook.TimeLimit)) + AnswerTime);

    private bool _hasStarted;

    /// <summary>Watches and loads all pairs and trust bundles of the supervisor's state.</summary>
    public void Start()
    {
        var (platform, debounce) = (state.Platform, context.ActorSelection(Debounce));
        children.Add(Debounce, () => Props.Create<DebounceActor>(state.All.Select(TargetOf).ToArray(), log), TouchAll);
        children.Add(FileWatch, () => Props.Create<FileWatchActor>(
            state.All.Select(known => known.Files).ToArray(), platform.OpenEventSource, platform.Disk, debounce, platform.Metrics.WatchEvents, log));
        if (_gate is not null)
            children.Add(Hooks, () => Props.Create<HooksActor>(state.Hooks, platform.HookThreads, log));
        _hasStarted = true;
        foreach (var known in state.All.ToArray())
            StartReloading(known.ReloadableIn(state.Holder));
    }

    /// <summary>Has the hooks called after a swap or a drain. What was served before the start is no swap.</summary>
    public void CallHooks(object announcement)
    {
        if (_gate is not null && _hasStarted)
            children.Tell(Hooks, announcement);
    }

    /// <summary>Watches and loads what was added to the supervisor's state.</summary>
    public void Add(ReloadableState added)
    {
        Watch(added);
        StartReloading(added.AddTo(state.Holder));
    }

    /// <summary>Watches and loads other files for something that was changed in the supervisor's state.</summary>
    public void Change(ReloadableState changed)
    {
        Unwatch(changed.Name);
        Watch(changed);
        children.Replace(NameOf(changed.Name), ReplacementProps(changed));
    }

    /// <summary>Watches and loads again what was being removed, and is in the supervisor's state again.</summary>
    /// <param name="restored">What is there again.</param>
    /// <param name="stopping">Its last actor.</param>
    public void Restore(ReloadableState restored, IActorRef stopping)
    {
        Watch(restored);
        var name = restored.Name;
        children.Restore(NameOf(name), stopping, ReplacementProps(restored), child => Load(name, child), () => state.Holder.EndFirstLoad(name));
    }

    /// <summary>Ends the watch and the loads of what is about to be removed from the supervisor's state.</summary>
    /// <returns>Its actor, whose end the supervisor is notified of; null if none is running.</returns>
    public IActorRef? Remove(string name)
    {
        Unwatch(name);
        return children.Remove(NameOf(name));
    }

    /// <summary>Requests a load. An actor that waits to be started is sent the open requests when it has.</summary>
    public void Reload(string name, long request) => children.Tell(NameOf(name), new Reload(ReloadReason.Requested, request));

    /// <summary>Loads the pairs that a trust bundle must trust, as it was swapped.</summary>
    public void ReloadTrusted(string bundle)
    {
        foreach (var pair in state.Pairs.Where(pair => pair.Options.MustChainTo == bundle))
            children.Tell(NameOf(pair.Name), new Reload(ReloadReason.TrustChange));
    }

    /// <summary>Lets the next poll load the files again, even if they are unchanged.</summary>
    public void ReportRejected(string name) => children.Tell(FileWatch, new FilesRejected(name));

    // Names are unique among pairs and trust bundles.
    private string NameOf(string name) => state.TryFind(name, out var known) && known is BundleState ? $"bundle-{name}" : $"pair-{name}";

    private DebounceActor.Target TargetOf(ReloadableState known) => new(known.Files, context.ActorSelection(NameOf(known.Name)));

    private void Watch(ReloadableState known)
    {
        children.Tell(Debounce, new DebounceActor.AddTarget(TargetOf(known)));
        children.Tell(FileWatch, new AddFiles(known.Files));
    }

    private void Unwatch(string name)
    {
        children.Tell(FileWatch, new RemoveFiles(name));
        children.Tell(Debounce, new DebounceActor.RemoveTarget(name));
    }

    // What is loaded is made once nothing publishes in its place in the holder any more.
    private Func<Props> ReplacementProps(ReloadableState changed)
    {
        var target = new Lazy<IReloadable>(() => changed.ReplaceIn(state.Holder));
        return () => state.ReloadActorOf(target.Value, _gate, log);
    }

    private void StartReloading(IReloadable target)
    {
        var name = target.Files.Name;
        Load(name, children.Add(NameOf(name), () => state.ReloadActorOf(target, _gate, log), child => Load(name, child), () => state.Holder.EndFirstLoad(name)));
    }

    /// <summary>Makes up for the touches that were lost while the debouncer had stopped.</summary>
    private void TouchAll(IActorRef debounce)
    {
        foreach (var known in state.All)
            debounce.Tell(new FilesTouched(known.Name, ReloadReason.Start));
    }

    private void Load(string name, IActorRef reloader)
    {
        reloader.Tell(new Reload(ReloadReason.Start));
        foreach (var request in state.Requests.WaitingFor(name))
            reloader.Tell(new Reload(ReloadReason.Requested, request));
    }
}
