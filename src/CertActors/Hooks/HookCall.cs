using Akka.Actor;
using CertActors.Reloading;

namespace CertActors.Hooks;

/// <summary>One call of a hook. Belongs to the <see cref="HooksActor"/>.</summary>
/// <param name="hook">The hook.</param>
/// <param name="name">The name of the pair or trust bundle.</param>
/// <param name="method">What is called, for messages.</param>
/// <param name="run">Calls it. Returns a veto, or null.</param>
/// <param name="cancellation">Ends it. Never disposed of, as the hook may use its token as long as it likes.</param>
internal sealed class HookCall(Hook hook, string name, string method, Func<CancellationToken, Task<string?>> run, CancellationTokenSource cancellation)
{
    private volatile bool _hasBegun;

    public Hook Hook => hook;

    public string Name => name;

    public string Method => method;

    /// <summary>The swap that waits for it; null if none does.</summary>
    public SwapRound? Round { get; init; }

    /// <summary>The calls that this one comes in order with: of the same hook, for the same pair, before swaps or after them.</summary>
    public (Hook, string, bool) Lane => (hook, name, Round is not null);

    /// <summary>Whether it has got a thread.</summary>
    public bool HasBegun => _hasBegun;

    /// <summary>Starts it on another thread. If it is cancelled before it has got one, the hook is not called.</summary>
    public Task<string?> Start(TaskScheduler threads) =>
        Task.Factory.StartNew(Run, cancellation.Token, TaskCreationOptions.DenyChildAttach | TaskCreationOptions.HideScheduler, threads).Unwrap();

    /// <summary>Cancels its token. The callbacks of the token run on the thread pool.</summary>
    public void Cancel() => _ = cancellation.CancelAsync();

    private Task<string?> Run()
    {
        _hasBegun = true;
        return run(cancellation.Token);
    }
}

/// <summary>A swap that waits for the hooks. Belongs to the <see cref="HooksActor"/>.</summary>
/// <param name="proposal">The swap.</param>
/// <param name="asker">Who asks.</param>
/// <param name="open">How many hooks have not answered.</param>
internal sealed class SwapRound(SwapProposal proposal, IActorRef asker, int open)
{
    private readonly List<string> _vetoes = [];
    private int _open = open;

    /// <summary>A hook has answered, or does not answer in time. The last one is followed by the decision.</summary>
    /// <param name="hook">The hook.</param>
    /// <param name="veto">Its veto; null for none.</param>
    public void Add(Hook hook, string? veto)
    {
        if (veto is not null)
            _vetoes.Add($"{hook.Name}: {veto}");
        if (--_open == 0)
            asker.Tell(new SwapDecision(proposal.Attempt, _vetoes.Count == 0 ? null : string.Join("; ", _vetoes)), ActorRefs.NoSender);
    }
}
