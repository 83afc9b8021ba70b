using System.Collections.Immutable;
using Akka.Actor;
using Akka.Event;
using CertActors.Debouncing;

namespace CertActors.Watching;

/// <summary>To <see cref="FileWatchActor"/>: the pair's files are bad, so that the next poll is to touch it even if they stay as they are.</summary>
internal sealed record PairRejected(string Pair) : IDeadLetterSuppression;

/// <summary>From <see cref="FileWatchActor"/> to the supervisor: how changes of a pair are noticed now.</summary>
internal sealed record PairWatched(string Pair, WatchMode Mode, string Why) : IDeadLetterSuppression;

/// <summary>
/// Notices that a pair may have changed, by file events and by polls, and says so to the <see cref="DebounceActor"/>.
/// What it looks at and watches is every step on the way to the files: see <see cref="Hop"/>.
/// </summary>
internal sealed class FileWatchActor : UntypedActor, IWithTimers
{
    private readonly Platform _platform;
    private readonly ImmutableArray<WatchedPair> _pairs;
    private IFileEventSource? _source;
    private int _sourcesOpened;

    public FileWatchActor(CertificateRegistry registry)
    {
        _platform = registry.Platform;
        _pairs = [.. registry.Pairs.Select(pair => new WatchedPair(pair.Options))];
    }

    /// <summary>An event, and which of the sources it is from: one that was given up may still speak.</summary>
    private sealed record SourceEvent(int Source, FileEvent Event) : IDeadLetterSuppression;

    /// <summary>The way of a pair was looked at.</summary>
    /// <param name="Pair">The pair; its reference tells another incarnation's from ours.</param>
    /// <param name="Source">The source that was told to watch it; null if none was.</param>
    /// <param name="Snapshot">What was seen; null if it couldn't be told.</param>
    /// <param name="Error">Why it couldn't be told or can't be watched; null if all went well.</param>
    private sealed record Inspected(WatchedPair Pair, IFileEventSource? Source, PairSnapshot? Snapshot, string? Error)
        : INoSerializationVerificationNeeded, IDeadLetterSuppression
    {
        public override string ToString() => nameof(Inspected);
    }

    private sealed record Poll(string Pair) : IDeadLetterSuppression;

    private sealed record RetryEvents(string Pair) : IDeadLetterSuppression;

    public ITimerScheduler Timers { get; set; } = null!;

    protected override void PreStart()
    {
        foreach (var pair in _pairs)
        {
            StartPolling(pair);
            TryEvents(pair, ReloadReason.Start);
        }
    }

    protected override void PostStop() => _source?.Dispose();

    protected override void OnReceive(object message)
    {
        switch (message)
        {
            case SourceEvent happened when _source is not null && happened.Source == _sourcesOpened:
                OnEvent(happened.Event);
                break;
            case Inspected inspected when _pairs.Contains(inspected.Pair):
                OnInspected(inspected);
                break;
            case SourceEvent or Inspected:
                break; // From a source or an incarnation that is no more.
            case Poll poll:
                OnPoll(Find(poll.Pair));
                break;
            case RetryEvents retry:
                TryEvents(Find(retry.Pair), ReloadReason.Poll);
                break;
            case PairRejected rejected:
                Find(rejected.Pair).Seen = null;
                break;
            default:
                Unhandled(message);
                break;
        }
    }

    private void OnEvent(FileEvent happened)
    {
        if (happened.Kind == FileEventKind.WatchLost)
        {
            LoseSource($"the event source reported an error in {happened.Directory}");
            return;
        }

        foreach (var pair in _pairs)
        {
            var concerned = pair.IsConcernedBy(happened);
            if (concerned)
                Touch(pair, ReloadReason.FileChange);

            // The steps that it is watched at may be others than those that were seen last, while it is looked at.
            if (concerned || pair.IsInspecting)
                Inspect(pair, ReloadReason.FileChange);
        }
    }

    private void OnPoll(WatchedPair pair)
    {
        StartPolling(pair);
        if (pair.Mode == WatchMode.Events)
            pair.Retry.Reset();

        // A look that hangs finds nothing out; the load that this asks for hangs too, and says so.
        if (pair.IsInspecting)
            Touch(pair, ReloadReason.Poll);
        Inspect(pair, ReloadReason.Poll);
    }

    private void TryEvents(WatchedPair pair, ReloadReason why)
    {
        try
        {
            _source ??= Open();
            pair.Source = _source;
        }
        catch (Exception error)
        {
            FallBack(pair, $"no event source can be made: {error.Message}");
        }

        Inspect(pair, why);
    }

    private IFileEventSource Open()
    {
        var self = Self;
        var source = ++_sourcesOpened;
        return _platform.OpenEventSource(happened => self.Tell(new SourceEvent(source, happened)));
    }

    private void LoseSource(string why)
    {
        _source?.Dispose();
        _source = null;
        foreach (var pair in _pairs.Where(pair => pair.Source is not null))
        {
            FallBack(pair, why);
            Touch(pair, ReloadReason.Poll);
        }
    }

    private void FallBack(WatchedPair pair, string why)
    {
        pair.Source = null;
        Timers.StartSingleTimer((nameof(RetryEvents), pair.Name), new RetryEvents(pair.Name), pair.Retry.Next());
        SetMode(pair, WatchMode.Polling, why);
    }

    private void SetMode(WatchedPair pair, WatchMode mode, string why)
    {
        if (pair.Mode == mode)
            return;
        pair.Mode = mode;
        StartPolling(pair);
        Context.Parent.Tell(new PairWatched(pair.Name, mode, why));
    }

    private void StartPolling(WatchedPair pair) => Timers.StartSingleTimer(
        (nameof(Poll), pair.Name),
        new Poll(pair.Name),
        pair.Mode == WatchMode.Events ? pair.Options.PollIntervalWithEvents : pair.Options.PollIntervalWithoutEvents);

    private void Inspect(WatchedPair pair, ReloadReason why)
    {
        if (pair.IsInspecting)
        {
            pair.InspectAgain = why;
            return;
        }

        pair.Inspecting = why;
        var source = pair.Source;
        _platform
            .Run(() => Look(_platform.Files, pair, source))
            .PipeTo(Self, Self, failure: error => new Inspected(pair, source, Snapshot: null, error.Message));
    }

    private void OnInspected(Inspected inspected)
    {
        var pair = inspected.Pair;
        var why = pair.Inspecting!.Value;
        pair.Inspecting = null;

        if (inspected.Source is not null && inspected.Source == pair.Source)
        {
            if (inspected.Error is { } error)
                FallBack(pair, error);
            else
                SetMode(pair, WatchMode.Events, "every directory on the way to the files is watched");
        }

        // What can't be looked at is as good as changed: loading it says why.
        if (inspected.Snapshot is null || inspected.Snapshot != pair.Seen)
            Touch(pair, why);
        pair.See(inspected.Snapshot);

        if (pair.InspectAgain is { } again)
        {
            pair.InspectAgain = null;
            Inspect(pair, again);
        }
    }

    private static void Touch(WatchedPair pair, ReloadReason why) =>
        Context.ActorSelection(CertificateSupervisor.PathToDebounce).Tell(new PairTouched(pair.Name, why));

    private WatchedPair Find(string name) => _pairs.First(pair => pair.Name == name);

    /// <summary>Watches, then looks, so that what happens after the look is an event. On a disk thread.</summary>
    private static Inspected Look(IFiles files, WatchedPair pair, IFileEventSource? source)
    {
        const int mostWalks = 5; // A way that changes faster is looked at again at the next event or poll.

        PairSnapshot? seen = null;
        try
        {
            seen = PairSnapshot.Take(files, pair.Options);
            for (var walks = 1; source is not null && walks < mostWalks; walks++)
            {
                var watched = seen;
                source.Watch(pair.Name, [.. watched.Hops]);
                seen = PairSnapshot.Take(files, pair.Options);
                if (seen.HasSameHopsAs(watched))
                    break;
            }

            return new Inspected(pair, source, seen, Error: null);
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            return new Inspected(pair, source, seen, $"the way to the files can't be watched: {error.Message}");
        }
    }
}
