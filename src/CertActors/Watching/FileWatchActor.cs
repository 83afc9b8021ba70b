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
/// Notices by file events and by polls that files may have changed, and reports it to the <see cref="DebounceActor"/>. It watches every step of
/// their paths: see <see cref="PathStep"/>.
/// </summary>
internal sealed class FileWatchActor : UntypedActor, IWithTimers, IRequiresMessageQueue<IUnboundedMessageQueueSemantics>
{
    private sealed record Inspected(WatchState State, PathInspection Inspection) : INoSerializationVerificationNeeded, IDeadLetterSuppression
    {
        public override string ToString() => nameof(Inspected);
    }

    /// <summary>A poll has ended.</summary>
    /// <param name="All">What was polled.</param>
    /// <param name="Changed">Those of them that differ from their last inspection, or cannot be read.</param>
    private sealed record Polled(IReadOnlyList<WatchState> All, IReadOnlyList<WatchState> Changed)
        : INoSerializationVerificationNeeded, IDeadLetterSuppression
    {
        public override string ToString() => nameof(Polled);
    }

    private sealed record PollDue : IDeadLetterSuppression
    {
        public static readonly PollDue Instance = new();
    }

    /// <summary>It may be possible to watch the paths of these files again.</summary>
    private sealed record RetryWatch(string Name) : IDeadLetterSuppression;

    // A report of each poll would cost more than the polls.
    private const long UnchangedReportInterval = TimeSpan.TicksPerMinute;

    // Its multiples, modulo 1, are spread evenly, however many there are.
    private const double GoldenRatio = 1.618033988749895;

    private readonly Dictionary<string, WatchState> _watched = new(StringComparer.Ordinal);
    private readonly EventSourceSlot _events;
    private readonly DiskScheduler _disk;
    private readonly ICanTell _debounce;
    private readonly ILogger _log;
    private readonly PollSchedule _polls;
    private long _added;

    public FileWatchActor(
        IReadOnlyList<WatchedFiles> all,
        Func<OnFileEvent, IFileEventSource> openEventSource,
        DiskScheduler disk,
        ICanTell debounce,
        WatchEventCounter counter,
        ILogger log)
    {
        _watched.EnsureCapacity(all.Count);
        foreach (var (i, files) in all.Index())
            _watched.Add(files.Name, new WatchState(files, (i + 1.0) / all.Count));
        (_disk, _debounce, _log) = (disk, debounce, log);
        _events = new EventSourceSlot(openEventSource, counter, this, Self);
        var scheduler = Context.System.Scheduler;
        _polls = new PollSchedule(() => scheduler.Now);
    }

    public ITimerScheduler Timers { get; set; } = null!;

    protected override void PreStart()
    {
        _events.Open(_watched.Count);
        foreach (var state in _watched.Values)
            Begin(state);
        AwaitPoll();
    }

    protected override void PostStop() => _events.Close();

    protected override void OnReceive(object message)
    {
        switch (message)
        {
            case FileEvent happened when happened.Watches == _events.Watches:
                OnEvent(happened);
                break;
            case FileEvent:
                break; // From a table that was closed.
            case Inspected(var state, var inspection):
                OnInspected(state, inspection);
                break;
            case PollDue:
                OnPollDue();
                break;
            case Polled polled:
                OnPolled(polled);
                break;
            case AddFiles(var files):
                Add(files);
                break;
            case RemoveFiles(var name):
                Remove(name);
                break;
            case FilesRejected(var name):
                if (_watched.TryGetValue(name, out var rejected))
                    rejected.LastDigest = null;
                break;
            case EventSourceSlot.RetryDue:
                OnRetryEvents();
                break;
            case RetryWatch(var name):
                Inspect(_watched[name], ReloadReason.Poll); // Its timer is cancelled when the files are removed.
                break;
            default:
                Unhandled(message);
                break;
        }
    }

    private void Begin(WatchState state)
    {
        // From the start, as the first inspection may hang.
        PlanFirstPoll(state);
        if (_events.Unavailable is { } reason)
            SetMode(state, WatchMode.Polling, reason);
        Inspect(state, ReloadReason.Start);
    }

    private void Add(WatchedFiles files)
    {
        // Files that are added one after another are spread over the interval.
        var state = new WatchState(files, share: (_added++ * GoldenRatio) % 1);
        _watched.Add(files.Name, state);
        Begin(state);
        AwaitPoll();
    }

    private void Remove(string name)
    {
        if (!_watched.Remove(name, out var state))
            return;
        Timers.Cancel((nameof(RetryWatch), name));
        _polls.Remove(state);
        _events.Watches?.Watch(state.Files, []);
    }

    /// <summary>Whether the files have not been removed since.</summary>
    private bool IsWatched(WatchState state) => _watched.GetValueOrDefault(state.Name) == state;

    // An inspection that ends after the removal of its files has its steps in the table until it is handled.
    private IEnumerable<WatchState> Watched(IEnumerable<WatchedFiles> all) =>
        all.Select(files => _watched.GetValueOrDefault(files.Name) is { } state && state.Files == files ? state : null).OfType<WatchState>();

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
        foreach (var state in happened.Watches.Acknowledge(happened) is { } all ? Watched(all) : _watched.Values)
        {
            Touch(state, ReloadReason.FileChange);
            Inspect(state, ReloadReason.FileChange);
        }
    }

    private void Touch(WatchState state, ReloadReason reason)
    {
        _log.Touched(state.Name, reason);
        _debounce.Tell(new FilesTouched(state.Name, reason), Self);
    }

    private void Inspect(WatchState state, ReloadReason reason)
    {
        if (state.IsInspecting)
        {
            state.InspectAgain = reason;
            return;
        }

        state.Inspecting = reason;
        var (files, watches) = (state.Files, _events.Watches);
        var call = _disk.Run(files, DiskWork.Inspect, disk => PathInspection.Run(disk, files, watches));
        state.Inspection = call;
        call.Running.PipeTo(
            Self,
            Self,
            success: inspection => new Inspected(state, inspection),
            failure: error => new Inspected(state, PathInspection.Failed(watches, error.Message)));
    }

    private void OnInspected(WatchState state, PathInspection inspection)
    {
        if (!IsWatched(state))
        {
            // The inspection may have watched their paths after they were removed.
            inspection.Watches?.Watch(state.Files, []);
            return;
        }

        var reason = state.Inspecting!.Value;
        state.Inspecting = null;
        state.Inspection = null;
        if (inspection.Watches is not null && inspection.Watches == _events.Watches)
            ApplyWatch(state, inspection);

        // What cannot be inspected counts as changed: its load reports why.
        var hasChanged = inspection.Digest is null || inspection.Digest != state.LastDigest;
        state.LastDigest = inspection.Digest;
        _log.PathInspected(state.Name, reason, hasChanged, inspection.Error);
        if (hasChanged)
            Touch(state, reason);

        if (state.InspectAgain is { } again)
        {
            state.InspectAgain = null;
            Inspect(state, again);
        }
    }

    private void ApplyWatch(WatchState state, PathInspection inspection)
    {
        var retry = (nameof(RetryWatch), state.Name);
        if (inspection.Error is { } error)
        {
            SetMode(state, WatchMode.Polling, error);
            state.WatchRetry ??= NewBackoff();
            if (!Timers.IsTimerActive(retry))
                Timers.StartSingleTimer(retry, new RetryWatch(state.Name), state.WatchRetry.Next());
        }
        else if (inspection.IsStable)
        {
            SetMode(state, WatchMode.Events, "every directory of the paths is watched");
            if (state.WatchRetry is not null)
                Timers.Cancel(retry);
            state.WatchRetry = null;
        }
        else
        {
            // The steps change faster than they are watched: some may not be watched, so the next poll is soon.
            if (state.Mode is null)
                SetMode(state, WatchMode.Polling, "the directories on the paths have another identity at each inspection; some network file systems report unstable identities");
            _polls.Plan(state, state.Files.Timing.PollIntervalWithoutEvents);
            AwaitPoll();
        }
    }

    private void SetMode(WatchState state, WatchMode mode, string message)
    {
        if (state.Mode == mode)
            return;
        state.Mode = mode;
        PlanFirstPoll(state);
        AwaitPoll();
        Context.Parent.Tell(new FilesWatched(state.Name, mode, message));
    }

    /// <summary>Plans the first poll in a mode. All files have a place of their own in the interval: thousands at once would delay everything else.</summary>
    private void PlanFirstPoll(WatchState state) => _polls.Plan(state, state.PollInterval * state.Share);

    private void AwaitPoll() => Timers.StartSingleTimer(nameof(PollDue), PollDue.Instance, _polls.Wait);

    private void OnPollDue()
    {
        // An event source that has lasted until now works. Without one, no event reports a mount.
        if (_events.Watches is not null)
            _events.ResetBackoff();
        else
            _disk.ForgetMounts();

        var due = _polls.Take();
        foreach (var state in due)
            _polls.Repeat(state);
        AwaitPoll();

        foreach (var state in due.Where(state => state.IsStalled()))
        {
            // An inspection that hangs reports nothing. The load that this touch leads to hangs too, and is reported when it times out. With thousands of
            // pairs, an inspection may wait long for its turn: while its queue advances, a touch at each poll would only add work to the queue.
            Touch(state, ReloadReason.Poll);
            Inspect(state, ReloadReason.Poll);
        }

        var idle = due.Where(state => !state.IsPolling && !state.IsInspecting);
        foreach (var group in _disk.GroupByDevices(idle, state => state.Files))
            Poll(group);
    }

    private void Poll(WatchState[] group)
    {
        (WatchedFiles Files, UInt128? Digest)[] last = [.. group.Select(state => (state.Files, state.LastDigest))];
        var call = _disk.Run(last[0].Files, DiskWork.Poll, disk => Array.ConvertAll(last, one => PathInspection.HasChanged(disk, one.Files, one.Digest)));
        foreach (var state in group)
            state.Poll = call;
        call.Running.PipeTo(
            Self,
            Self,
            success: hasChanged => new Polled(group, [.. group.Where((_, i) => hasChanged[i])]),
            failure: _ => new Polled(group, group));
    }

    private void OnPolled(Polled polled)
    {
        foreach (var state in polled.All)
            state.Poll = null;
        var unchanged = polled.Changed.Count == 0 ? polled.All : [.. polled.All.Except(polled.Changed)];
        ReportUnchanged(unchanged);
        if (_log.IsEnabled(LogLevel.Debug))
        {
            foreach (var state in unchanged)
                _log.PathInspected(state.Name, ReloadReason.Poll, hasChanged: false);
        }

        foreach (var state in polled.Changed.Where(IsWatched))
            Inspect(state, ReloadReason.Poll);
    }

    private void ReportUnchanged(IReadOnlyList<WatchState> unchanged)
    {
        var now = Context.System.Scheduler.Now.UtcTicks;
        WatchState[] due = [.. unchanged.Where(state => IsWatched(state) && IsReportDue(state, now))];
        if (due.Length == 0)
            return;
        foreach (var state in due)
            state.ReportedUnchangedAt = now;
        Context.Parent.Tell(new FilesUnchanged([.. due.Select(state => state.Name)]));
    }

    // After the clock was set back, the time that has passed is not known, and it is reported.
    private static bool IsReportDue(WatchState state, long now) => now - state.ReportedUnchangedAt is < 0 or >= UnchangedReportInterval;

    private void OnEventsLost(string message)
    {
        _events.Lose(message);
        foreach (var state in _watched.Values)
        {
            SetMode(state, WatchMode.Polling, message);
            Touch(state, ReloadReason.Poll);
        }
    }

    private void OnRetryEvents()
    {
        _events.Open(_watched.Count);
        if (_events.Unavailable is not null)
            return;
        foreach (var state in _watched.Values)
            Inspect(state, ReloadReason.Poll);
    }

    /// <summary>The delays between attempts to open or watch something.</summary>
    internal static Backoff NewBackoff() => new(TimeSpan.FromSeconds(1), TimeSpan.FromSeconds(60));
}
