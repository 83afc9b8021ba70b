using Akka.Actor;
using Akka.Dispatch;
using Akka.Event;
using CertActors.Diagnostics;
using CertActors.Reloading;
using Microsoft.Extensions.Logging;

namespace CertActors.Hooks;

/// <summary>
/// Calls the hooks: before a swap, when a <see cref="SwapProposal"/> asks for it, and after <see cref="GenerationChanged"/> and
/// <see cref="GenerationDrained"/>. A call that hangs is given up, and holds up neither other hooks nor other pairs.
/// </summary>
internal sealed class HooksActor : UntypedActor, IWithTimers, IRequiresMessageQueue<IUnboundedMessageQueueSemantics>
{
    private sealed record CallEnded(HookCall Call, string? Veto, Exception? Error) : INoSerializationVerificationNeeded, IDeadLetterSuppression
    {
        public override string ToString() => nameof(CallEnded);
    }

    private sealed record CallTimedOut(HookCall Call) : INoSerializationVerificationNeeded, IDeadLetterSuppression
    {
        public override string ToString() => nameof(CallTimedOut);
    }

    /// <summary>The call that runs, and those that wait for their turn.</summary>
    private sealed class Lane
    {
        public HookCall? Running { get; set; }

        /// <summary>Whether the call that runs was given up. None waits for it.</summary>
        public bool IsStuck { get; set; }

        public Queue<HookCall> Waiting { get; } = [];
    }

    // A hook that blocks its thread takes no more than these before swaps, and as many after them, and none from other hooks. One that awaits has no
    // thread meanwhile.
    private const int MaxThreadsOfHook = 4;

    private const string BehindStuck = "an earlier call for this name has not ended";

    private readonly IReadOnlyList<Hook> _hooks;
    private readonly Dictionary<(Hook, bool IsBeforeSwap), TaskScheduler> _threads;
    private readonly ILogger _log;

    // Of the calls that have not ended.
    private readonly Dictionary<(Hook, string, bool), Lane> _lanes = [];

    /// <param name="hooks">The hooks.</param>
    /// <param name="threads">What runs the calls.</param>
    /// <param name="log">The supervisor's.</param>
    public HooksActor(IReadOnlyList<Hook> hooks, TaskScheduler threads, ILogger log)
    {
        (_hooks, _log) = (hooks, log);
        _threads = hooks.SelectMany(hook => (IEnumerable<(Hook, bool)>)[(hook, true), (hook, false)])
            .ToDictionary(calls => calls, _ => new ConcurrentExclusiveSchedulerPair(threads, MaxThreadsOfHook).ConcurrentScheduler);
    }

    public ITimerScheduler Timers { get; set; } = null!;

    protected override void PostStop()
    {
        foreach (var lane in _lanes.Values)
            lane.Running?.Cancel();
    }

    protected override void OnReceive(object message)
    {
        switch (message)
        {
            case SwapProposal proposal:
                OnProposal(proposal);
                break;
            case GenerationChanged change:
                Notify(change.Name, nameof(IRotationHook.AfterSwapAsync), (hook, cancellation) => hook.AfterSwapAsync(change, cancellation));
                break;
            case GenerationDrained drained:
                Notify(drained.Name, nameof(IRotationHook.AfterDrainAsync), (hook, cancellation) => hook.AfterDrainAsync(drained, cancellation));
                break;
            case CallEnded ended:
                OnEnded(ended);
                break;
            case CallTimedOut(var call):
                OnTimedOut(call);
                break;
            default:
                Unhandled(message);
                break;
        }
    }

    private void OnProposal(SwapProposal proposal)
    {
        var (next, round) = (proposal.Next, new SwapRound(proposal, Sender, _hooks.Count));
        foreach (var hook in _hooks)
        {
            // The asker has started again since: nobody waits for these. The one that runs goes on, as a hook is called once at a time.
            if (_lanes.TryGetValue((hook, next.Name, true), out var lane))
                lane.Waiting.Clear();
            Add(hook, next.Name, nameof(IRotationHook.BeforeSwapAsync), cancellation => hook.Target.BeforeSwapAsync(next, cancellation), round);
        }
    }

    private void Notify(string name, string method, Func<IRotationHook, CancellationToken, Task> call)
    {
        foreach (var hook in _hooks)
        {
            Add(hook, name, method, Call, round: null);

            async Task<string?> Call(CancellationToken cancellation)
            {
                await call(hook.Target, cancellation).ConfigureAwait(false);
                return null;
            }
        }
    }

    private void Add(Hook hook, string name, string method, Func<CancellationToken, Task<string?>> run, SwapRound? round)
    {
        var call = new HookCall(hook, name, method, run, new CancellationTokenSource()) { Round = round };
        if (!_lanes.TryGetValue(call.Lane, out var lane))
            _lanes[call.Lane] = lane = new Lane();
        if (lane.IsStuck)
            LeaveOut(call, BehindStuck);
        else if (lane.Running is not null)
            lane.Waiting.Enqueue(call);
        else
            Start(lane, call);
    }

    private void Start(Lane lane, HookCall call)
    {
        lane.Running = call;
        Timers.StartSingleTimer(call, new CallTimedOut(call), call.Hook.TimeLimit);
        call.Start(_threads[(call.Hook, call.Round is not null)]).PipeTo(Self, Self, success: veto => new CallEnded(call, veto, Error: null), failure: error => new CallEnded(call, Veto: null, error));
    }

    private void OnEnded(CallEnded ended)
    {
        var call = ended.Call;
        var lane = _lanes[call.Lane];
        Timers.Cancel(call);
        if (!lane.IsStuck)
        {
            if (ended.Error is { } error)
                _log.HookFailed(call.Hook.Name, call.Method, call.Name, error);
            call.Round?.Add(call.Hook, ended.Veto);
        }

        lane.IsStuck = false;
        if (lane.Waiting.TryDequeue(out var next))
            Start(lane, next);
        else
            _lanes.Remove(call.Lane);
    }

    private void OnTimedOut(HookCall call)
    {
        var lane = _lanes[call.Lane];
        lane.IsStuck = true;
        call.Cancel();
        if (call.HasBegun)
        {
            _log.HookTimedOut(call.Hook.Name, call.Method, call.Name, call.Hook.TimeLimit);
            call.Round?.Add(call.Hook, veto: null);
        }
        else
        {
            LeaveOut(call, "other calls of it have blocked its threads until its time limit");
        }

        while (lane.Waiting.TryDequeue(out var waiting))
            LeaveOut(waiting, BehindStuck);
    }

    private void LeaveOut(HookCall call, string why)
    {
        _log.HookLeftOut(call.Hook.Name, call.Method, call.Name, why);
        call.Round?.Add(call.Hook, veto: null);
    }
}
