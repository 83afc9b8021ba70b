using Akka.Actor;
using Akka.Dispatch;
using Akka.Event;
using CertActors.Debouncing;
using CertActors.Diagnostics;
using CertActors.Disk;
using CertActors.Scheduling;
using CertActors.Watching.Sources;
using Microsoft.Extensions.Logging;
using LogLevel = Microsoft.Extensions.Logging.LogLevel;

namespace CertActors.Watching;

/// <summary>
/// Notices by file events and by polls that a pair may have changed, and reports it to the <see cref="DebounceActor"/>. It watches every step of
/// the paths of a pair: see <see cref="PathStep"/>.
/// </summary>
internal sealed class FileWatchActor : UntypedActor, IWithTimers, IRequiresMessageQueue<IUnboundedMessageQueueSemantics>
{
    private sealed record Inspected(WatchedPair Pair, PathInspection Inspection) : INoSerializationVerificationNeeded, IDeadLetterSuppression
    {
        public override string ToString() => nameof(Inspected);
    }

    /// <summary>A poll has ended.</summary>
    /// <param name="Pairs">The pairs that were polled.</param>
    /// <param name="Changed">Those whose files differ from their last inspection, or cannot be read.</param>
    private sealed record Polled(IReadOnlyList<WatchedPair> Pairs, IReadOnlyList<WatchedPair> Changed)
        : INoSerializationVerificationNeeded, IDeadLetterSuppression
    {
        public override string ToString() => nameof(Polled);
    }

    private sealed record PollDue : IDeadLetterSuppression
    {
        public static readonly PollDue Instance = new();
    }

    /// <summary>An event source may be available again.</summary>
    private sealed record RetryEvents : IDeadLetterSuppression
    {
        public static readonly RetryEvents Instance = new();
    }

    /// <summary>It may be possible to watch the paths of a pair again.</summary>
    private sealed record RetryWatch(string Pair) : IDeadLetterSuppression;

    private readonly Dictionary<string, WatchedPair> _pairs = new(StringComparer.Ordinal);
    private readonly Func<OnFileEvent, IFileEventSource> _openEventSource;
    private readonly DiskScheduler _disk;
    private readonly ICanTell _debounce;
    private readonly ILogger _log;
    private readonly PollSchedule _polls;
    private readonly Backoff _eventsRetry = NewBackoff();

    // Null while no event source is available.
    private WatchTable? _watches;

    public FileWatchActor(
        IReadOnlyList<CertificateOptions> pairs,
        Func<OnFileEvent, IFileEventSource> openEventSource,
        DiskScheduler disk,
        ICanTell debounce,
        ILogger log)
    {
        _pairs.EnsureCapacity(pairs.Count);
        foreach (var (i, pair) in pairs.Index())
            _pairs.Add(pair.Name, new WatchedPair(pair, (i + 1.0) / pairs.Count));
        (_openEventSource, _disk, _debounce, _log) = (openEventSource, disk, debounce, log);
        var scheduler = Context.System.Scheduler;
        _polls = new PollSchedule(() => scheduler.Now);
    }

    public ITimerScheduler Timers { get; set; } = null!;

    protected override void PreStart()
    {
        var unavailable = OpenEvents();
        foreach (var pair in _pairs.Values)
        {
            // From the start, as the first inspection may hang.
            PlanFirstPoll(pair);
            if (unavailable is not null)
                SetMode(pair, WatchMode.Polling, unavailable);
            Inspect(pair, ReloadReason.Start);
        }

        AwaitPoll();
    }

    protected override void PostStop() => _watches?.Close();

    protected override void OnReceive(object message)
    {
        switch (message)
        {
            case FileEvent happened when happened.Watches == _watches:
                OnEvent(happened);
                break;
            case FileEvent:
                break; // From a table that was closed.
            case Inspected(var pair, var inspection):
                OnInspected(pair, inspection);
                break;
            case PollDue:
                OnPollDue();
                break;
            case Polled polled:
                OnPolled(polled);
                break;
            case PairRejected(var name):
                _pairs[name].LastDigest = null;
                break;
            case RetryEvents:
                OnRetryEvents();
                break;
            case RetryWatch(var name):
                Inspect(_pairs[name], ReloadReason.Poll);
                break;
            default:
                Unhandled(message);
                break;
        }
    }

    private void OnEvent(FileEvent happened)
    {
        if (_log.IsEnabled(LogLevel.Debug))
            _log.FileEventReceived(happened.Kind.ToString(), happened.Path);

        if (happened is { Step: null, Kind: FileEventKind.WatchLost })
        {
            OnEventsLost("the event source reported an error");
            return;
        }

        if (happened.Step is null)
            _disk.ForgetMounts();
        foreach (var pair in happened.Watches.Acknowledge(happened)?.Select(pair => _pairs[pair.Name]) ?? _pairs.Values)
        {
            Touch(pair, ReloadReason.FileChange);
            Inspect(pair, ReloadReason.FileChange);
        }
    }

    private void Touch(WatchedPair pair, ReloadReason reason)
    {
        _log.Touched(pair.Name, reason);
        _debounce.Tell(new PairTouched(pair.Name, reason), Self);
    }

    private void Inspect(WatchedPair pair, ReloadReason reason)
    {
        if (pair.IsInspecting)
        {
            pair.InspectAgain = reason;
            return;
        }

        pair.Inspecting = reason;
        var (options, watches) = (pair.Options, _watches);
        _disk.Run(options, DiskWork.Inspect, files => PathInspection.Run(files, options, watches)).Running.PipeTo(
            Self,
            Self,
            success: inspection => new Inspected(pair, inspection),
            failure: error => new Inspected(pair, PathInspection.Failed(watches, error.Message)));
    }

    private void OnInspected(WatchedPair pair, PathInspection inspection)
    {
        var reason = pair.Inspecting!.Value;
        pair.Inspecting = null;
        if (inspection.Watches is not null && inspection.Watches == _watches)
            ApplyWatch(pair, inspection);

        // What cannot be inspected counts as changed: its load reports why.
        var hasChanged = inspection.Digest is null || inspection.Digest != pair.LastDigest;
        pair.LastDigest = inspection.Digest;
        _log.PathInspected(pair.Name, reason, hasChanged);
        if (hasChanged)
            Touch(pair, reason);

        if (pair.InspectAgain is { } again)
        {
            pair.InspectAgain = null;
            Inspect(pair, again);
        }
    }

    private void ApplyWatch(WatchedPair pair, PathInspection inspection)
    {
        var retry = (nameof(RetryWatch), pair.Name);
        if (inspection.Error is { } error)
        {
            SetMode(pair, WatchMode.Polling, error);
            pair.WatchRetry ??= NewBackoff();
            if (!Timers.IsTimerActive(retry))
                Timers.StartSingleTimer(retry, new RetryWatch(pair.Name), pair.WatchRetry.Next());
        }
        else if (inspection.IsStable)
        {
            SetMode(pair, WatchMode.Events, "every directory of the paths is watched");
            if (pair.WatchRetry is not null)
                Timers.Cancel(retry);
            pair.WatchRetry = null;
        }
        else
        {
            // The steps change faster than they are watched: some may not be watched, so the next poll is soon.
            if (pair.Mode is null)
                SetMode(pair, WatchMode.Polling, "the directories on the paths have another identity at each inspection; some network file systems report unstable identities");
            _polls.Plan(pair, pair.Options.PollIntervalWithoutEvents);
            AwaitPoll();
        }
    }

    private void SetMode(WatchedPair pair, WatchMode mode, string message)
    {
        if (pair.Mode == mode)
            return;
        pair.Mode = mode;
        PlanFirstPoll(pair);
        AwaitPoll();
        Context.Parent.Tell(new PairWatched(pair.Name, mode, message));
    }

    /// <summary>Plans the first poll in a mode. Each pair has its own place in the interval: thousands at once would delay everything else.</summary>
    private void PlanFirstPoll(WatchedPair pair) => _polls.Plan(pair, pair.PollInterval * pair.Share);

    private void AwaitPoll() => Timers.StartSingleTimer(nameof(PollDue), PollDue.Instance, _polls.Wait);

    private void OnPollDue()
    {
        // An event source that has lasted until now works. Without one, no event reports a mount.
        if (_watches is not null)
            _eventsRetry.Reset();
        else
            _disk.ForgetMounts();

        var due = _polls.Take();
        foreach (var pair in due)
            _polls.Repeat(pair);
        AwaitPoll();

        foreach (var pair in due.Where(pair => pair.IsPolling || pair.IsInspecting))
        {
            // An inspection that hangs reports nothing. The load that this touch leads to hangs too, and is reported when it times out.
            Touch(pair, ReloadReason.Poll);
            Inspect(pair, ReloadReason.Poll);
        }

        var idle = due.Where(pair => !pair.IsPolling && !pair.IsInspecting);
        foreach (var pairs in _disk.GroupByDevices(idle, pair => pair.Options))
            Poll(pairs);
    }

    private void Poll(WatchedPair[] pairs)
    {
        foreach (var pair in pairs)
            pair.IsPolling = true;
        (CertificateOptions Options, UInt128? Digest)[] last = [.. pairs.Select(pair => (pair.Options, pair.LastDigest))];
        _disk.Run(last[0].Options, DiskWork.Poll, files => Array.ConvertAll(last, pair => PathInspection.HasChanged(files, pair.Options, pair.Digest)))
            .Running.PipeTo(
                Self,
                Self,
                success: hasChanged => new Polled(pairs, [.. pairs.Where((_, i) => hasChanged[i])]),
                failure: _ => new Polled(pairs, pairs));
    }

    private void OnPolled(Polled polled)
    {
        foreach (var pair in polled.Pairs)
            pair.IsPolling = false;
        if (_log.IsEnabled(LogLevel.Debug))
        {
            foreach (var pair in polled.Pairs.Except(polled.Changed))
                _log.PathInspected(pair.Name, ReloadReason.Poll, hasChanged: false);
        }

        foreach (var pair in polled.Changed)
            Inspect(pair, ReloadReason.Poll);
    }

    /// <returns>Why no event source is available; null if one is.</returns>
    private string? OpenEvents()
    {
        var self = Self;
        try
        {
            _watches = new WatchTable(_openEventSource, happened => self.Tell(happened), _pairs.Count);
            return null;
        }
        catch (Exception error)
        {
            AwaitEvents();
            return $"no event source is available: {error.Message}";
        }
    }

    private void OnEventsLost(string message)
    {
        _watches?.Close();
        _watches = null;
        AwaitEvents();
        foreach (var pair in _pairs.Values)
        {
            SetMode(pair, WatchMode.Polling, message);
            Touch(pair, ReloadReason.Poll);
        }
    }

    private void AwaitEvents() => Timers.StartSingleTimer(nameof(RetryEvents), RetryEvents.Instance, _eventsRetry.Next());

    private void OnRetryEvents()
    {
        if (OpenEvents() is not null)
            return;
        foreach (var pair in _pairs.Values)
            Inspect(pair, ReloadReason.Poll);
    }

    private static Backoff NewBackoff() => new(TimeSpan.FromSeconds(1), TimeSpan.FromSeconds(60));
}
