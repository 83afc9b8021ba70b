using System.Collections.Immutable;

namespace CertActors.Reloading;

/// <summary>A request for a load.</summary>
/// <param name="Reason">Why it is loaded.</param>
/// <param name="Waiting">The numbers of the <see cref="ReloadNow"/> requests that wait for the outcome.</param>
/// <param name="TouchedAt">When the files were touched first; null if no touch leads to the load.</param>
internal sealed record LoadRequest(ReloadReason Reason, ImmutableArray<long> Waiting, DateTimeOffset? TouchedAt)
{
    public LoadRequest(Reload reload)
        : this(reload.Reason, reload.Request == 0 ? [] : [reload.Request], reload.TouchedAt)
    {
    }

    /// <summary>One request for both, with the reason of the later and the first touch.</summary>
    public LoadRequest And(LoadRequest later) => new(later.Reason, Waiting.AddRange(later.Waiting), TouchedAt ?? later.TouchedAt);
}

/// <summary>The loads of one <see cref="IReloadable"/>: one in flight, and one queued, which stands for all requests that arrive meanwhile.</summary>
/// <remarks>A load that an earlier incarnation of the actor started is in flight, too: its result is dropped, but it holds a disk thread.</remarks>
internal sealed class LoadSlot
{
    private LoadRequest? _queued;
    private Load? _inFlight;

    /// <param name="Attempt">The load.</param>
    /// <param name="Request">Null if an earlier incarnation started it.</param>
    private sealed record Load(LoadAttempt Attempt, LoadRequest? Request);

    /// <summary>The load in flight; null if there is none.</summary>
    public LoadAttempt? InFlight => _inFlight?.Attempt;

    /// <summary>What the load in flight was started for; null if there is none, or an earlier incarnation started it.</summary>
    public LoadRequest? Request => _inFlight?.Request;

    /// <summary>Whether this incarnation started the load in flight.</summary>
    public bool IsOwn => Request is not null;

    public void Start(LoadAttempt attempt, LoadRequest? request) => _inFlight = new Load(attempt, request);

    public void Queue(LoadRequest request) => _queued = _queued?.And(request) ?? request;

    /// <summary>The load in flight has ended.</summary>
    /// <returns>What it was started for; null if an earlier incarnation started it.</returns>
    public LoadRequest? End()
    {
        var request = _inFlight?.Request;
        _inFlight = null;
        return request;
    }

    public LoadRequest? TakeQueued()
    {
        var queued = _queued;
        _queued = null;
        return queued;
    }

    /// <summary>Takes all that wait, in flight and queued: they are answered now, and the loads go on without them.</summary>
    public ImmutableArray<long> TakeWaiting()
    {
        ImmutableArray<long> waiting = [.. _inFlight?.Request?.Waiting ?? [], .. _queued?.Waiting ?? []];
        if (_inFlight?.Request is { } request)
            _inFlight = _inFlight with { Request = request with { Waiting = [] } };
        if (_queued is not null)
            _queued = _queued with { Waiting = [] };
        return waiting;
    }
}
