using System.Collections.Immutable;
using Akka.Actor;
using Akka.Dispatch;
using Akka.Event;
using CertActors.Debouncing;
using CertActors.Disk;
using CertActors.Scheduling;
using CertActors.Watching.Sources;
using Microsoft.Extensions.Logging;

namespace CertActors.Watching;

/// <summary>To <see cref="FileWatchActor"/>: the pair's files are bad, so that the next poll is to touch it even if they stay as they are.</summary>
internal sealed record PairRejected(string Pair) : IDeadLetterSuppression;

/// <summary>From <see cref="FileWatchActor"/> to the supervisor: how changes of a pair are noticed now.</summary>
internal sealed record PairWatched(string Pair, WatchMode Mode, string Message) : IDeadLetterSuppression;

/// <summary>
/// Notices that a pair may have changed, by file events and by polls, and says so to the <see cref="DebounceActor"/>.
/// What it looks at and watches is every step on the way to the files: see <see cref="PathStep"/>.
/// </summary>
internal sealed class FileWatchActor : UntypedActor, IWithTimers, IRequiresMessageQueue<IUnboundedMessageQueueSemantics>
{
    private readonly Func<OnFileEvent, IFileEventSource> _openEventSource;
    private readonly DiskScheduler _disk;
    private readonly ICanTell _debounce;
    private readonly Dictionary<string, WatchedPair> _pairs;
    private readonly PollSchedule _polls;
    private readonly Dictionary<WatchedPair, Backoff> _unwatched = [];
    private readonly Backoff _retry = NewBackoff();
    private WatchTable? _watches;

    public FileWatchActor(
        IReadOnlyList<CertificateOptions> pairs,
        Func<OnFileEvent, IFileEventSource> openEventSource,
        DiskScheduler disk,
        ICanTell debounce,
        ILogger log)
    {
        var scheduler = Context.System.Scheduler;
        _openEventSource = openEventSource;
        _disk = disk;
        _debounce = debounce;
        _ = log;
        _pairs = pairs
            .Select((pair, i) => new WatchedPair(pair, (i + 1.0) / pairs.Count))
            .ToDictionary(pair => pair.Name, StringComparer.Ordinal);
        _polls = new PollSchedule(() => scheduler.Now);
    }

    /// <summary>The way of a pair was looked at.</summary>
    /// <param name="Pair">The pair; its reference tells another incarnation's from ours.</param>
    /// <param name="Watches">What was told to watch it; null if nothing was.</param>
    /// <param name="Snapshot">What was seen; null if it couldn't be told.</param>
    /// <param name="DevicesAccessed">The devices that the way leads over; null if it couldn't be told.</param>
    /// <param name="IsStable">Whether two walks agreed, so that all of the way is watched.</param>
    /// <param name="Error">Why it couldn't be told or can't be watched; null if all went well.</param>
    private sealed record Inspected(
        WatchedPair Pair, WatchTable? Watches, PairSnapshot? Snapshot, Devices? DevicesAccessed, bool IsStable, string? Error)
        : INoSerializationVerificationNeeded, IDeadLetterSuppression
    {
        public override string ToString() => nameof(Inspected);
    }

    /// <summary>Pairs were polled.</summary>
    /// <param name="All">Those that were; their references tell another incarnation's from ours.</param>
    /// <param name="Changed">Those of them that aren't as they were seen last, or can't be told.</param>
    private sealed record Polled(IReadOnlyCollection<WatchedPair> All, IReadOnlyCollection<WatchedPair> Changed)
        : INoSerializationVerificationNeeded, IDeadLetterSuppression
    {
        public override string ToString() => nameof(Polled);
    }

    private sealed record PollDue : IDeadLetterSuppression
    {
        public static readonly PollDue Instance = new();
    }

    /// <summary>An event source may be had again.</summary>
    private sealed record RetryEvents : IDeadLetterSuppression
    {
        public static readonly RetryEvents Instance = new();
    }

    /// <summary>The way of a pair may be watched again.</summary>
    private sealed record RetryWatch(string Pair) : IDeadLetterSuppression;

    public ITimerScheduler Timers { get; set; } = null!;

    protected override void PreStart()
    {
        var unavailable = Open();
        foreach (var pair in _pairs.Values)
        {
            // From the start: the first look may hang.
            _polls.Plan(pair, pair.PollInterval * pair.Share);
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
            case Inspected inspected when IsOurs(inspected.Pair):
                OnInspected(inspected);
                break;
            case Polled polled when polled.All.All(IsOurs):
                OnPolled(polled);
                break;
            case FileEvent or Inspected or Polled:
                break; // From watches or an incarnation that are no more.
            case PollDue:
                OnPollDue();
                break;
            case RetryEvents:
                OnRetryEvents();
                break;
            case RetryWatch(var name):
                Inspect(_pairs[name], ReloadReason.Poll);
                break;
            case PairRejected rejected:
                _pairs[rejected.Pair].LastDigest = null;
                break;
            default:
                Unhandled(message);
                break;
        }
    }

    private static Backoff NewBackoff() => new(TimeSpan.FromSeconds(1), TimeSpan.FromSeconds(60));

    private bool IsOurs(WatchedPair pair) => _pairs.GetValueOrDefault(pair.Name) == pair;

    private void OnEvent(FileEvent happened)
    {
        if (happened is { Step: null, Kind: FileEventKind.WatchLost })
        {
            LoseEvents("the event source reported an error");
            return;
        }

        if (happened.Step is null)
            _disk.ForgetMounts();
        foreach (var pair in happened.Watches.Acknowledge(happened) ?? _pairs.Values)
        {
            Touch(pair, ReloadReason.FileChange);
            Inspect(pair, ReloadReason.FileChange);
        }
    }

    /// <returns>Why there are no events to be had; null if there are.</returns>
    private string? Open()
    {
        var self = Self;
        try
        {
            _watches = new WatchTable(_openEventSource, happened => self.Tell(happened));
            return null;
        }
        catch (Exception error)
        {
            AwaitSource();
            return $"no event source can be made: {error.Message}";
        }
    }

    private void LoseEvents(string message)
    {
        _watches?.Close();
        _watches = null;
        AwaitSource();
        foreach (var pair in _pairs.Values)
        {
            SetMode(pair, WatchMode.Polling, message);
            Touch(pair, ReloadReason.Poll);
        }
    }

    private void AwaitSource() => Timers.StartSingleTimer(nameof(RetryEvents), RetryEvents.Instance, _retry.Next());

    private void OnRetryEvents()
    {
        if (Open() is not null)
            return;
        foreach (var pair in _pairs.Values)
            Inspect(pair, ReloadReason.Poll);
    }

    private void SetMode(WatchedPair pair, WatchMode mode, string message)
    {
        if (pair.Mode == mode)
            return;
        pair.Mode = mode;
        Plan(pair);
        Context.Parent.Tell(new PairWatched(pair.Name, mode, message));
    }

    /// <summary>The first poll in a mode; a pair keeps its place in the interval, as thousands at once would hold up everything else.</summary>
    private void Plan(WatchedPair pair)
    {
        _polls.Plan(pair, pair.PollInterval * pair.Share);
        AwaitPoll();
    }

    private void AwaitPoll() => Timers.StartSingleTimer(nameof(PollDue), PollDue.Instance, _polls.Wait);

    private void OnPollDue()
    {
        // An event source that has lasted until now is sound; without one, nobody tells of mounts.
        if (_watches is not null)
            _retry.Reset();
        else
            _disk.ForgetMounts();

        var due = _polls.Take();
        foreach (var pair in due)
            _polls.Repeat(pair);
        AwaitPoll();
        foreach (var pair in due.Where(pair => pair.IsPolling || pair.IsInspecting))
        {
            // A look that hangs finds nothing out; the load that this asks for hangs too, and says so.
            Touch(pair, ReloadReason.Poll);
            Inspect(pair, ReloadReason.Poll);
        }

        foreach (var sharing in due.Where(pair => !pair.IsPolling && !pair.IsInspecting).GroupBy(pair => _disk.DevicesOf(pair.Options)))
            Poll(sharing.Key, [.. sharing]);
    }

    private void Poll(Devices devices, WatchedPair[] pairs)
    {
        foreach (var pair in pairs)
            pair.IsPolling = true;
        UInt128?[] seen = [.. pairs.Select(pair => pair.LastDigest)];
        _disk
            .Run(devices, DiskWork.Poll, files => new Polled(pairs, pairs.Where((pair, i) => HasChanged(files, pair, seen[i])).ToArray()))
            .Running.PipeTo(Self, Self, failure: _ => new Polled(pairs, pairs));
    }

    private void OnPolled(Polled polled)
    {
        foreach (var pair in polled.All)
            pair.IsPolling = false;
        foreach (var pair in polled.Changed)
            Inspect(pair, ReloadReason.Poll);
    }

    private void Inspect(WatchedPair pair, ReloadReason reason)
    {
        if (pair.IsInspecting)
        {
            pair.InspectAgain = reason;
            return;
        }

        pair.Inspecting = reason;
        var watches = _watches;
        _disk
            .Run(pair.Options, DiskWork.Inspect, files => Look(files, pair, watches))
            .Running.PipeTo(Self, Self, failure: error => new Inspected(pair, watches, Snapshot: null, DevicesAccessed: null, IsStable: false, error.Message));
    }

    private void OnInspected(Inspected inspected)
    {
        var pair = inspected.Pair;
        var reason = pair.Inspecting!.Value;
        pair.Inspecting = null;

        if (inspected.Watches is not null && inspected.Watches == _watches)
        {
            if (inspected.Error is { } error)
            {
                SetMode(pair, WatchMode.Polling, error);
                if (!_unwatched.TryGetValue(pair, out var retry))
                    _unwatched.Add(pair, retry = NewBackoff());
                if (!Timers.IsTimerActive((nameof(RetryWatch), pair.Name)))
                    Timers.StartSingleTimer((nameof(RetryWatch), pair.Name), new RetryWatch(pair.Name), retry.Next());
            }
            else if (inspected.IsStable)
            {
                SetMode(pair, WatchMode.Events, "every directory on the way to the files is watched");
                if (_unwatched.Remove(pair))
                    Timers.Cancel((nameof(RetryWatch), pair.Name));
            }
            else
            {
                // The way is replaced faster than it's watched; what was seen of it last may not be all.
                if (pair.Mode is null)
                    SetMode(pair, WatchMode.Polling, "the directories on the way to the files are others at each look, as some network file systems report them");
                _polls.Plan(pair, pair.Options.PollIntervalWithoutEvents);
                AwaitPoll();
            }
        }

        // What can't be looked at is as good as changed: loading it says why.
        var isVague = inspected is { Error: null, IsStable: false };
        var fingerprint = isVague ? null : inspected.Snapshot?.Fingerprint.Digest();
        if (fingerprint is null || fingerprint != pair.LastDigest)
            Touch(pair, reason);
        pair.LastDigest = fingerprint;
        if (inspected.DevicesAccessed is { } devices)
            _disk.Remember(pair.Options, devices);

        if (pair.InspectAgain is { } again)
        {
            pair.InspectAgain = null;
            Inspect(pair, again);
        }
    }

    private void Touch(WatchedPair pair, ReloadReason reason) => _debounce.Tell(new PairTouched(pair.Name, reason), Self);

    /// <summary>On a disk thread.</summary>
    private static bool HasChanged(DeviceBoundFiles files, WatchedPair pair, UInt128? seen)
    {
        try
        {
            return seen is null || PairFingerprint.Take(files, pair.Options).Digest() != seen;
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            return true;
        }
    }

    /// <summary>Watches, then looks, so that what happens after the look is an event. On a disk thread.</summary>
    private static Inspected Look(DeviceBoundFiles files, WatchedPair pair, WatchTable? watches)
    {
        const int maxWalks = 5;

        PairSnapshot? seen = null;
        try
        {
            seen = PairSnapshot.Take(files, pair.Options);
            var isStable = watches is null;
            for (var walks = 1; !isStable && walks < maxWalks; walks++)
            {
                var watched = seen;
                var areAllThere = TryWatch(watches!, pair, watched);
                seen = PairSnapshot.Take(files, pair.Options);
                isStable = areAllThere && seen.HasSameStepsAs(watched);
            }

            return new Inspected(pair, watches, seen, files.DevicesAccessed, isStable, Error: null);
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            return new Inspected(pair, watches, seen, DevicesAccessed: null, IsStable: false, $"the way to the files can't be watched: {error.Message}");
        }
    }

    /// <returns>False if a directory on the way has gone since it was seen.</returns>
    private static bool TryWatch(WatchTable watches, WatchedPair pair, PairSnapshot seen)
    {
        try
        {
            watches.Watch(pair, [.. seen.Steps]);
            return true;
        }
        catch (DirectoryNotFoundException)
        {
            return false;
        }
    }
}
