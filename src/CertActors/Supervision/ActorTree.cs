using Akka.Actor;
using CertActors.Debouncing;
using CertActors.Reloading;
using CertActors.Watching;
using Microsoft.Extensions.Logging;

namespace CertActors.Supervision;

/// <summary>The actors below the supervisor, and what is sent to them.</summary>
internal sealed class ActorTree(SupervisorState state, IActorContext context, Children children, ILogger log)
{
    private const string Debounce = "debounce";
    private const string FileWatch = "file-watch";
    private const string Prefix = "pair-";

    /// <param name="pairs">In the order of the options.</param>
    public void Start(IReadOnlyList<IReloadable> pairs)
    {
        var (platform, debounce) = (state.Platform, context.ActorSelection(Debounce));
        children.Add(Debounce, () => Props.Create<DebounceActor>(state.Pairs.Select(TargetOf).ToArray(), log), TouchAll);
        children.Add(FileWatch, () => Props.Create<FileWatchActor>(
            state.Pairs.Select(pair => pair.Files).ToArray(), platform.OpenEventSource, platform.Disk, debounce, log));
        foreach (var pair in pairs)
            StartReloading(pair);
    }

    /// <summary>Watches and loads a pair that was added to the supervisor's state.</summary>
    public void Add(PairState added, IReloadable pair)
    {
        children.Tell(Debounce, new DebounceActor.AddTarget(TargetOf(added)));
        children.Tell(FileWatch, new AddFiles(added.Files));
        StartReloading(pair);
    }

    /// <summary>Ends the watch and the loads of a pair that was removed from the supervisor's state.</summary>
    /// <returns>Its actor, whose end the supervisor is notified of; null if none is running.</returns>
    public IActorRef? Remove(string name)
    {
        children.Tell(FileWatch, new RemoveFiles(name));
        children.Tell(Debounce, new DebounceActor.RemoveTarget(name));
        return children.Remove(NameOf(name));
    }

    /// <returns>The name of the pair whose actor it is.</returns>
    public static string PairOf(IActorRef reloader) => reloader.Path.Name[Prefix.Length..];

    /// <summary>Requests a load. An actor that waits to be started is sent the open requests when it has.</summary>
    public void Reload(string name, long request) => children.Tell(NameOf(name), new Reload(ReloadReason.Requested, request));

    /// <summary>Lets the next poll load the files again, even if they are unchanged.</summary>
    public void ReportRejected(string name) => children.Tell(FileWatch, new FilesRejected(name));

    private static string NameOf(string pair) => Prefix + pair;

    private DebounceActor.Target TargetOf(PairState pair) => new(pair.Files, context.ActorSelection(NameOf(pair.Name)));

    private void StartReloading(IReloadable pair)
    {
        var name = pair.Files.Name;
        var props = state.ReloadActorOf(name);
        Load(name, children.Add(NameOf(name), () => props(pair, log), child => Load(name, child)));
    }

    /// <summary>Makes up for the touches that were lost while the debouncer had stopped.</summary>
    private void TouchAll(IActorRef debounce)
    {
        foreach (var pair in state.Pairs)
            debounce.Tell(new FilesTouched(pair.Name, ReloadReason.Start));
    }

    private void Load(string name, IActorRef reloader)
    {
        reloader.Tell(new Reload(ReloadReason.Start));
        foreach (var request in state.Requests.WaitingFor(name))
            reloader.Tell(new Reload(ReloadReason.Requested, request));
    }
}
