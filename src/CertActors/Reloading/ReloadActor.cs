using Akka.Actor;
using Akka.Dispatch;
using Akka.Event;
using CertActors.Diagnostics;
using CertActors.Disk;
using CertActors.Reloading.Judging;
using CertActors.Scheduling;
using Microsoft.Extensions.Logging;

namespace CertActors.Reloading;

/// <summary>Loads, and has judged and published, one <see cref="IReloadable"/> when a <see cref="Reload"/> asks for it; reports each outcome to its parent.</summary>
internal sealed class ReloadActor : UntypedActor, IWithTimers, IRequiresMessageQueue<IUnboundedMessageQueueSemantics>
{
    /// <summary>A load has ended, which this incarnation or an earlier one started.</summary>
    private sealed record LoadEnded(LoadAttempt Attempt) : INoSerializationVerificationNeeded, IDeadLetterSuppression
    {
        public override string ToString() => nameof(LoadEnded);
    }

    private sealed record LoadTimedOut(LoadAttempt Attempt) : INoSerializationVerificationNeeded, IDeadLetterSuppression
    {
        public override string ToString() => nameof(LoadTimedOut);
    }

    private sealed record DecisionOverdue(LoadAttempt Attempt) : INoSerializationVerificationNeeded, IDeadLetterSuppression
    {
        public override string ToString() => nameof(DecisionOverdue);
    }

    private static readonly TimeSpan FirstRetryDelay = TimeSpan.FromMilliseconds(250);
    private static readonly TimeSpan MaxRetryDelay = TimeSpan.FromSeconds(30);

    private readonly IReloadable _target;
    private readonly ReloadState _state;
    private readonly DiskScheduler _disk;
    private readonly SwapGate? _gate;
    private readonly ILogger _log;
    private readonly VerdictHandler _verdicts;
    private readonly LoadSlot _slot = new();
    private readonly Backoff _retry = new(FirstRetryDelay, MaxRetryDelay);
    private readonly RotationHold _hold;

    public ReloadActor(IReloadable target, ReloadState state, DiskScheduler disk, SwapGate? gate, ILogger log)
    {
        (_target, _state, _disk, _gate, _log) = (target, state, disk, gate, log);
        _verdicts = new VerdictHandler(target, state);
        _hold = new RotationHold(this);
    }

    public ITimerScheduler Timers { get; set; } = null!;

    private string Name => _target.Files.Name;

    private static DateTimeOffset Now => Context.System.Scheduler.Now;

    protected override void PreStart()
    {
        if (_state.Attempt is not { } last)
            return;
        var isRunning = last.IsRunning;
        if (last.IsGivenUp)
            Context.Parent.Tell(new LoadStuck(Name, isRunning ? last.GivenUpAt : null));
        if (isRunning)
            Follow(last, request: null);
    }

    protected override void PostStop()
    {
        if (_slot.IsOwn)
            _slot.InFlight!.Abandon();
    }

    protected override void OnReceive(object message)
    {
        switch (message)
        {
            case Reload reload:
                StartOrQueue(new LoadRequest(reload));
                break;
            case LoadEnded(var attempt) when attempt == _slot.InFlight:
                OnEnded(attempt);
                break;
            case LoadTimedOut(var attempt) when attempt == _slot.InFlight && attempt.IsRunning:
                OnTimedOut(attempt);
                break;
            case SwapDecision(var attempt, var veto) when attempt == _slot.InFlight:
                Finish(attempt, veto);
                break;
            case DecisionOverdue(var attempt) when attempt == _slot.InFlight:
                Finish(attempt, veto: null);
                break;
            case LoadEnded or LoadTimedOut or SwapDecision or DecisionOverdue:
                break; // LoadEnded was handled, or is on its way.
            case RotationHold.Expired expired:
                StartOrQueue(_hold.Expire(expired));
                break;
            default:
                Unhandled(message);
                break;
        }
    }

    private void StartOrQueue(LoadRequest request)
    {
        Timers.Cancel(nameof(ReloadReason.Retry));
        if (_slot.InFlight is not { } inFlight)
        {
            Start(request);
            return;
        }

        // A load that was given up may never end. Its failure has been reported, and answers the request.
        if (!request.Waiting.IsEmpty && inFlight is { IsGivenUp: true, IsRunning: true } && _target.LastFailure is { } failure)
        {
            Context.Parent.Tell(new Judged(Name, Change: null, failure, IsRepeated: true, Warnings: [], request.Waiting));
            request = request with { Waiting = [] };
        }

        _log.LoadQueued(Name, request.Reason);
        _slot.Queue(request);
    }

    private void Start(LoadRequest request)
    {
        _log.LoadStarted(Name, request.Reason);
        var scheduler = Context.System.Scheduler;
        var load = _target.PrepareLoad(_state.ServedTags(_target.Served), () => scheduler.Now);
        var trace = ReloadTrace.Start(Name, request.Reason, request.TouchedAt);
        var call = _disk.Run(_target.Files, DiskWork.Load, trace is null ? load : disk =>
        {
            using var scope = trace.Enter();
            return load(disk);
        });
        _state.Attempt = new LoadAttempt(call, Now, trace);
        Follow(_state.Attempt, request);
    }

    private void Follow(LoadAttempt attempt, LoadRequest? request)
    {
        _slot.Start(attempt, request);
        LimitTime(attempt);
        var ended = new LoadEnded(attempt);
        attempt.WhenEnded().PipeTo(Self, Self, success: () => ended);
    }

    private void LimitTime(LoadAttempt attempt) =>
        Timers.StartSingleTimer(nameof(LoadTimedOut), new LoadTimedOut(attempt), _target.Files.Timing.LoadTimeLimit);

    private void OnTimedOut(LoadAttempt attempt)
    {
        // With thousands of pairs, a load may wait long for its turn. While its queue advances, that is no fault of the disk.
        if (attempt.HasAdvanced())
        {
            LimitTime(attempt);
            return;
        }

        var waiting = _slot.TakeWaiting();
        if (!attempt.IsGivenUp)
        {
            attempt.GiveUp(Now);
            Context.Parent.Tell(new LoadStuck(Name, attempt.GivenUpAt));
        }
        else if (waiting.IsEmpty)
        {
            _target.EndFirstLoad();
            return; // An earlier incarnation has reported it.
        }

        var judged = _verdicts.TimeOut(waiting, Now) with { Duration = Now - attempt.StartedAt };
        attempt.Trace?.End("rejected", failure: judged.Failure);
        Context.Parent.Tell(judged);
    }

    private void OnEnded(LoadAttempt attempt)
    {
        Timers.Cancel(nameof(LoadTimedOut));
        attempt.EndAt(Now);
        if (attempt.IsGivenUp)
            Context.Parent.Tell(new LoadStuck(Name, Since: null));

        if (!TryPropose(attempt))
            Finish(attempt, veto: null);
    }

    /// <summary>Asks the hooks before a swap. The load stays in its slot until they have decided.</summary>
    private bool TryPropose(LoadAttempt attempt)
    {
        if (_gate is null || _slot.Request is not { } request || !attempt.Running.IsCompletedSuccessfully)
            return false;
        if (attempt.Running.Result is not { Verdict: Verdict.Accepted accepted } result || _hold.ShouldHold(request, result, _state.LastJudgedFiles))
            return false;

        attempt.Trace?.BeginHooks();
        Timers.StartSingleTimer(nameof(DecisionOverdue), new DecisionOverdue(attempt), _gate.TimeLimit);
        _gate.Hooks.Tell(new SwapProposal(attempt, _target.ChangeTo(accepted, request.Reason, Now)), Self);
        return true;
    }

    private void Finish(LoadAttempt attempt, string? veto)
    {
        Timers.Cancel(nameof(DecisionOverdue));
        attempt.Trace?.EndHooks();

        // The slot is freed first: an exception of the load is a fault, and stops the actor.
        if (_slot.End() is { } request)
            HoldOrApply(request, attempt, veto);
        if (_slot.TakeQueued() is { } queued)
            Start(queued);
    }

    private void HoldOrApply(LoadRequest request, LoadAttempt attempt, string? veto)
    {
        if (attempt.Running.IsFaulted)
            attempt.Trace?.End("failed");
        var result = attempt.Running.GetAwaiter().GetResult();
        if (veto is not null)
            result = _verdicts.Veto(result, veto);
        if (_hold.ShouldHold(request, result, _state.LastJudgedFiles))
        {
            _log.Held(Name, _hold.Begin(request, Now), _verdicts.Hold(result.Verdict, Now));
            attempt.Trace?.End("held");
            return;
        }

        var touchedAt = _hold.TouchedAt ?? request.TouchedAt;
        _hold.End();
        var judged = Apply(request, attempt, result) with { Duration = attempt.Duration };
        if (judged.Change is { } change && change.At - touchedAt is { } latency)
            judged = judged with { Latency = latency };
        if (judged is { Change: null, Failure: null })
            _log.Unchanged(Name);
        Context.Parent.Tell(judged);
        if (judged.Failure is null)
            _retry.Reset();
        else
            RetryLater();
    }

    private Judged Apply(LoadRequest request, LoadAttempt attempt, LoadResult result)
    {
        using var scope = attempt.Trace?.Enter();
        var judged = _verdicts.Apply(request, result, attempt.IsGivenUp, Now);
        attempt.Trace?.End(judged.Outcome, judged.Change, judged.Failure);
        return judged;
    }

    private void RetryLater()
    {
        var delay = _retry.Next();
        Timers.StartSingleTimer(nameof(ReloadReason.Retry), new Reload(ReloadReason.Retry), delay);
        _log.RetryPlanned(Name, delay);
    }

    /// <summary>How to start the actor of one <see cref="IReloadable"/>.</summary>
    public static Props Props(IReloadable target, ReloadState state, DiskScheduler disk, SwapGate? gate, ILogger log) =>
        // By type and arguments: an expression is compiled for each, which takes longer than everything else that starts its actor.
        Akka.Actor.Props.Create<ReloadActor>(target, state, disk, gate, log);
}
