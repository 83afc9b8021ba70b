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

    /// <param name="pairs">In the order of the options.</param>
    public void Start(IReadOnlyList<IReloadable> pairs)
    {
        var (platform, debounce) = (state.Platform, context.ActorSelection(Debounce));
        children.Add(Debounce, () => Props.Create<DebounceActor>(state.Pairs.Select(TargetOf).ToArray(), log), TouchAll);
        children.Add(FileWatch, () => Props.Create<FileWatchActor>(
            state.Pairs.Select(pair => pair.Files).ToArray(), platform.OpenEventSource, platform.Disk, debounce, log));
        for (var i = 0; i < pairs.Count; i++)
            StartReloading(pairs[i], state.ReloadActors[i]);
    }

    /// <summary>Requests a load. An actor that waits to be started is sent the open requests when it has.</summary>
    public void Reload(string name, long request) => children.Tell(NameOf(name), new Reload(ReloadReason.Requested, request));

    /// <summary>Lets the next poll load the files again, even if they are unchanged.</summary>
    public void ReportRejected(string name) => children.Tell(FileWatch, new FilesRejected(name));

    private static string NameOf(string pair) => $"pair-{pair}";

    private DebounceActor.Target TargetOf(PairState pair) => new(pair.Files, context.ActorSelection(NameOf(pair.Name)));

    private void StartReloading(IReloadable pair, Func<IReloadable, ILogger, Props> props)
    {
        var name = pair.Files.Name;
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
