using System.Collections.Immutable;
using Akka.Actor;
using Akka.Dispatch;
using Akka.Event;
using CertActors.Disk;
using CertActors.Reloading.Formats;
using CertActors.Reloading.Judging;
using CertActors.Scheduling;
using CertActors.Supervision;

namespace CertActors.Reloading;

/// <summary>Owns one pair: loads it, judges it, swaps it in. One load at a time; what is asked for meanwhile is one more load afterwards.</summary>
internal sealed class ReloadActor : UntypedActor, IWithTimers, IRequiresMessageQueue<IUnboundedMessageQueueSemantics>
{
    private static readonly TimeSpan FirstRetryDelay = TimeSpan.FromMilliseconds(250);
    private static readonly TimeSpan MaxRetryDelay = TimeSpan.FromSeconds(30);
    private static readonly TimeSpan MaxHold = TimeSpan.FromSeconds(5);

    private readonly Pair _pair;
    private readonly Platform _platform;
    private readonly Backoff _retry = new(FirstRetryDelay, MaxRetryDelay);
    private LoadRequest? _inFlight;
    private LoadRequest? _queued;
    private bool _isHoldExpired;

    public ReloadActor(Pair pair, Platform platform)
    {
        _pair = pair;
        _platform = platform;
    }

    /// <summary>A load of the pair has ended, this incarnation's or another's.</summary>
    private sealed record LoadEnded(LoadAttempt Attempt) : INoSerializationVerificationNeeded, IDeadLetterSuppression
    {
        public override string ToString() => nameof(LoadEnded);
    }

    private sealed record LoadTimedOut(LoadAttempt Attempt) : INoSerializationVerificationNeeded, IDeadLetterSuppression
    {
        public override string ToString() => nameof(LoadTimedOut);
    }

    /// <summary>What was held back is to be judged as it stands.</summary>
    private sealed record HoldExpired(ReloadReason Reason) : IDeadLetterSuppression;

    /// <summary>Why a load is requested, and which requests wait for it.</summary>
    private sealed record LoadRequest(ReloadReason Reason, ImmutableArray<long> Requests)
    {
        public static LoadRequest By(Reload reload) => new(reload.Reason, reload.Request == 0 ? [] : [reload.Request]);

        public LoadRequest And(LoadRequest later) => new(later.Reason, Requests.AddRange(later.Requests));
    }

    public ITimerScheduler Timers { get; set; } = null!;

    protected override void PostStop()
    {
        if (_inFlight is not null)
            _pair.Attempt!.Abandon();
    }

    protected override void OnReceive(object message)
    {
        switch (message)
        {
            case Reload reload:
                StartOrQueue(LoadRequest.By(reload));
                break;
            case LoadEnded ended:
                OnEnded(ended.Attempt);
                break;
            case LoadTimedOut { Attempt.IsRunning: true } late when ReferenceEquals(late.Attempt, _pair.Attempt):
                OnTimedOut(late.Attempt);
                break;
            case LoadTimedOut late:
                OnEnded(late.Attempt); // Just in time.
                break;
            case HoldExpired(var reason):
                _isHoldExpired = true;
                StartOrQueue(LoadRequest.By(new Reload(reason)));
                break;
            default:
                Unhandled(message);
                break;
        }
    }

    private void StartOrQueue(LoadRequest request)
    {
        Timers.Cancel(nameof(ReloadReason.Retry));
        if (_inFlight is null && _pair.Attempt is not { IsRunning: true })
        {
            Start(request);
            return;
        }

        // The load that was given up may never end, and has been reported: who asks gets that, and is not kept waiting.
        if (!request.Requests.IsEmpty && _pair is { Attempt.IsStuck: true, Cell.LastFailure: { } standing })
        {
            TellJudged(request, change: null, standing, isRepeated: true, warnings: []);
            request = request with { Requests = [] };
        }

        // A load that another incarnation started still has a thread: its end is waited for.
        if (_inFlight is null && _queued is null)
        {
            TellWhenEnded(_pair.Attempt!);
            LimitTime(_pair.Attempt!);
        }

        _queued = _queued?.And(request) ?? request;
    }

    private void Start(LoadRequest request)
    {
        var (served, scheduler) = (_pair.Cell.Serving?.Pair, Context.System.Scheduler);
        var tags = ReferenceEquals(_pair.Swapped?.Pair, served) ? _pair.Swapped?.Tags : null; // Another supervisor may have had the holder meanwhile.
        var attempt = new LoadAttempt(_platform.Disk.Run(
            _pair.Devices, DiskWork.Load, files => KeyPairLoader.Load(files, _pair.Options, served, tags, () => scheduler.Now)));
        _pair.Attempt = attempt;
        _inFlight = request;
        LimitTime(attempt);
        TellWhenEnded(attempt);
    }

    private void LimitTime(LoadAttempt attempt) =>
        Timers.StartSingleTimer(nameof(LoadTimedOut), new LoadTimedOut(attempt), _pair.Options.LoadTimeLimit);

    private void TellWhenEnded(LoadAttempt attempt)
    {
        var ended = new LoadEnded(attempt);
        attempt.WhenEnded().PipeTo(Self, Self, success: () => ended);
    }

    private void OnEnded(LoadAttempt attempt)
    {
        if (IsInFlight(attempt))
        {
            // An exception is a fault: thrown on, with the attempt no longer in flight, it ends this incarnation.
            var request = TakeInFlight();
            Apply(request, attempt.Running.GetAwaiter().GetResult(), isLate: attempt.IsGivenUp);
        }

        if (_inFlight is null && _queued is { } queued && _pair.Attempt is not { IsRunning: true })
        {
            _queued = null;
            Start(queued);
        }
    }

    private void OnTimedOut(LoadAttempt attempt)
    {
        // Thousands may be loaded at once: to wait for one's turn is no fault of the disk, as long as the turns go round.
        if (attempt.QueueAdvanced())
        {
            LimitTime(attempt);
            return;
        }

        // Of another incarnation's, given up when that ended, nobody may have reported yet.
        var verdict = new Verdict.Rejected(
            RejectionReason.TimedOut,
            $"{_pair.Options.CertificatePath} and {_pair.Options.KeyPath} weren't read within {_pair.Options.LoadTimeLimit.TotalSeconds} s; does the disk answer?");
        if (_inFlight is { } inFlight)
        {
            attempt.GiveUp();
            Report(_queued is null ? inFlight : inFlight.And(_queued), verdict, tags: null, warnings: []);
            _inFlight = inFlight with { Requests = [] };
            _queued = _queued is null ? null : _queued with { Requests = [] };
        }
        else if (_queued is { } queued && _pair.Rejection.Current != verdict)
        {
            attempt.GiveUp();
            Report(queued, verdict, tags: null, warnings: []);
            _queued = queued with { Requests = [] };
        }
    }

    private bool IsInFlight(LoadAttempt attempt) => _inFlight is not null && ReferenceEquals(attempt, _pair.Attempt);

    private LoadRequest TakeInFlight()
    {
        var request = _inFlight!;
        _inFlight = null;
        Timers.Cancel(nameof(LoadTimedOut));
        return request;
    }

    private void Apply(LoadRequest request, LoadResult result, bool isLate)
    {
        if (request.Requests.IsEmpty && !_isHoldExpired && MayBeTorn(result))
        {
            Hold(request.Reason, result.Verdict);
            return;
        }

        _isHoldExpired = false;
        Timers.Cancel(nameof(HoldExpired));
        _pair.LastJudgedFiles = result.Tags ?? _pair.LastJudgedFiles;
        switch (result.Verdict)
        {
            case Verdict.Accepted accepted:
                var change = Swap(request.Reason, accepted.Pair);
                _pair.Swapped = (accepted.Pair, result.Tags);
                Accept(request, change, isLate, [.. accepted.Warnings, .. NewWarnings(result)]);
                break;
            case Verdict.Unchanged:
                _pair.Swapped = (_pair.Cell.Serving!.Pair, result.Tags);
                Accept(request, change: null, isLate, NewWarnings(result));
                break;
            case Verdict.Rejected rejected:
                Reject(request, rejected, result.Tags, NewWarnings(result));
                break;
        }
    }

    /// <summary>
    /// Whether the files look like those of a rotation that is half done: what is wrong with them is put right by what is still to be written, and
    /// some of them were written since the last judgement.
    /// </summary>
    private bool MayBeTorn(LoadResult result)
    {
        var hasNewContent = result.Tags is { } tags && _pair.LastJudgedFiles is { } judged && tags.HasNewContent(judged);
        return result.Verdict switch
        {
            Verdict.Accepted accepted => accepted.LacksIssuer,
            Verdict.Rejected { Reason: RejectionReason.FilesChanging } => true,

            // Two whole files that do not fit may be both sides of a rotation, also where it's not known what was there before.
            Verdict.Rejected { Reason: RejectionReason.KeyMismatch or RejectionReason.PasswordWrong } => hasNewContent || _pair.LastJudgedFiles is null,
            Verdict.Rejected { Reason: RejectionReason.FileMissing } => hasNewContent,

            // The other half, while it's written: no reason to wait by itself, but none to end the wait.
            Verdict.Rejected { Reason: RejectionReason.FileEmpty or RejectionReason.KeyMalformed or RejectionReason.CertificateMalformed } =>
                hasNewContent && Timers.IsTimerActive(nameof(HoldExpired)),
            _ => false,
        };
    }

    private void Hold(ReloadReason reason, Verdict verdict)
    {
        (verdict as Verdict.Accepted)?.Pair.Dispose();

        // Whoever waits for the first load meanwhile is to know why.
        if (verdict is Verdict.Rejected rejected && _pair.Cell.Serving is null)
            _pair.Cell.LastFailure = FailureOf(rejected);
        if (!Timers.IsTimerActive(nameof(HoldExpired)))
            Timers.StartSingleTimer(nameof(HoldExpired), new HoldExpired(reason), MaxHold);
    }

    /// <returns>The swap.</returns>
    private CertificateChanged Swap(ReloadReason reason, LoadedPair pair)
    {
        var served = _pair.Cell.Serving;
        var change = new CertificateChanged(_pair.Name, (served?.Generation ?? 0) + 1, served?.Facts, pair.Facts, reason, Now);
        _pair.Cell.Publish(new ServingCertificate(change, pair));
        return change;
    }

    /// <returns>Those of the files that were not given before in the pair's life: rotations repeat what is wrong with them.</returns>
    private string[] NewWarnings(LoadResult result) =>
        [.. result.Warnings.Where(warning => _pair.GivenWarnings.Add((warning.Kind, warning.Path))).Select(warning => warning.Message)];

    private void Accept(LoadRequest request, CertificateChanged? change, bool isLate, IReadOnlyList<string> warnings)
    {
        _retry.Reset();
        _pair.Rejection.Clear(isLate);
        _pair.Cell.LastFailure = null;
        TellJudged(request, change, failure: null, isRepeated: false, warnings);
    }

    private void Reject(LoadRequest request, Verdict.Rejected verdict, PairTags? tags, IReadOnlyList<string> warnings)
    {
        Timers.StartSingleTimer(nameof(ReloadReason.Retry), new Reload(ReloadReason.Retry), _retry.Next());
        Report(request, verdict, tags, warnings);
    }

    private void Report(LoadRequest request, Verdict.Rejected verdict, PairTags? tags, IReadOnlyList<string> warnings)
    {
        var isNews = _pair.Rejection.Add(verdict, tags, Now);
        var failure = FailureOf(verdict);
        _pair.Cell.LastFailure = failure;
        TellJudged(request, change: null, failure, isRepeated: !isNews, warnings);
    }

    private CertificateReloadFailed FailureOf(Verdict.Rejected verdict) =>
        new(_pair.Name, verdict.Reason, verdict.Message, _pair.Cell.Serving?.Facts, Now);

    private void TellJudged(
        LoadRequest request, CertificateChanged? change, CertificateReloadFailed? failure, bool isRepeated, IReadOnlyList<string> warnings) =>
        Context.Parent.Tell(new PairJudged(_pair.Name, change, failure, isRepeated, warnings, request.Requests));

    private static DateTimeOffset Now => Context.System.Scheduler.Now;
}
