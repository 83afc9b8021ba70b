using System.Collections.Frozen;
using System.Diagnostics.CodeAnalysis;
using Akka.Actor;
using CertActors.Holding;

namespace CertActors;

/// <summary>
/// Publishes the serving certificates to handshakes, without locks. Create one before the actor system, and give it to the server's TLS set-up and to
/// the <see cref="CertificateSupervisor"/>. It outlives both: after the actors have stopped, it still serves what was loaded last.
/// </summary>
/// <remarks>
/// It belongs to one running supervisor at a time. A pair keeps its certificate and its generation from one supervisor to the next.
/// All members may be called from any thread.
/// </remarks>
public sealed class CertificateHolder
{
    /// <summary>How long <see cref="WaitForFirstAsync"/> waits by default: 5 s.</summary>
    public static readonly TimeSpan DefaultWait = TimeSpan.FromSeconds(5);

    private readonly TimeProvider _time;

    // Of each pair that any owner has had, by name. Its owner's only.
    private readonly Dictionary<string, CertificateCell> _cells = new(StringComparer.Ordinal);

    // Of the pairs of the present or last owner, by place. Its owner's only.
    private readonly SortedList<int, CertificateCell> _owned = [];

    // Of each trust bundle that any owner has had, by name. Its owner's only.
    private readonly Dictionary<string, TrustBundleCell> _bundleCells = new(StringComparer.Ordinal);

    // Of the trust bundles of the present or last owner.
    private volatile FrozenDictionary<string, TrustBundleCell> _bundles = FrozenDictionary<string, TrustBundleCell>.Empty;
    private volatile ServingCertificate? _current;
    private volatile NameIndex _names = new([]);
    private volatile CertificateCell? _default;
    private volatile FirstLoad _first = new();
    private volatile bool _countsConnections;
    private IActorRef? _owner;

    /// <summary>Creates a holder that serves nothing yet.</summary>
    /// <param name="time">The clock of <see cref="WaitForFirstAsync"/>; null for the system's.</param>
    public CertificateHolder(TimeProvider? time = null)
    {
        _time = time ?? SystemTime;
    }

    /// <summary>The default pair's certificate; null before its first load. One volatile read.</summary>
    public ServingCertificate? Current => _current;

    [SuppressMessage("ApiDesign", "RS0030", Justification = "The holder exists before the actor system, whose scheduler is the clock elsewhere.")]
    private static TimeProvider SystemTime => TimeProvider.System;

    /// <summary>
    /// The certificate for a server name: that of the pair that has the name, else that of the pair that has a wildcard for its first label
    /// (RFC 6125, 6.4.3: one whole label), else <see cref="Current"/>. If several pairs have the name, the first in the options. Allocates nothing.
    /// </summary>
    /// <param name="serverName">The name that the client sent (SNI, RFC 6066), in any case, with or without the root's dot; null or empty if it sent none.</param>
    /// <returns>The certificate; null before the first load.</returns>
    public ServingCertificate? Select(string? serverName) =>
        string.IsNullOrEmpty(serverName) ? _current : _names.Find(serverName) ?? _current;

    /// <summary>A trust bundle, to verify peers against. Use one and the same for all that one handshake needs. Allocates nothing.</summary>
    /// <param name="name">The bundle's name (<see cref="TrustBundleOptions.Name"/>).</param>
    /// <returns>The bundle; null before its first load, and if the supervisor has no such bundle: refuse the peer.</returns>
    public TrustBundle? GetTrustBundle(string name) => _bundles.TryGetValue(name, out var cell) ? cell.Serving : null;

    /// <summary>Waits until the first load of the default pair; returns at once after it.</summary>
    /// <param name="timeout">The time limit; null for <see cref="DefaultWait"/>, <see cref="Timeout.InfiniteTimeSpan"/> for none.</param>
    /// <param name="cancellationToken">Cancels the wait.</param>
    /// <returns>The default pair's certificate.</returns>
    /// <exception cref="CertificateNotLoadedException">
    /// The time limit has passed, or the supervisor has stopped itself (<see cref="CertificateSupervisorOptions.StopOnFailedFirstLoad"/>).
    /// </exception>
    /// <exception cref="ArgumentOutOfRangeException">The time limit is negative, or too long for a timer.</exception>
    /// <exception cref="OperationCanceledException">The wait was cancelled.</exception>
    public async Task<ServingCertificate> WaitForFirstAsync(TimeSpan? timeout = null, CancellationToken cancellationToken = default)
    {
        var first = _first;
        if (_current is { } current)
            return current;

        try
        {
            await first.Ended.WaitAsync(timeout ?? DefaultWait, _time, cancellationToken).ConfigureAwait(false);
        }
        catch (TimeoutException)
        {
            // Reported below, with its cause.
        }

        return _current ?? throw new CertificateNotLoadedException(first.Failure ?? _default?.LastFailure);
    }

    /// <summary>
    /// States that a server counts its connections (<see cref="ServingCertificate.BeginConnection"/>): from now on, <see cref="GenerationDrained"/> is
    /// published for each superseded generation. The first connection that is counted has the same effect; a call when the server starts covers
    /// generations that are superseded before it. Kestrel endpoints with <c>UseCertificates</c> call it by themselves.
    /// </summary>
    public void CountConnections()
    {
        // Read first: each connection calls this, and writes would contend for the cache line.
        if (!_countsConnections)
            _countsConnections = true;
    }

    /// <summary>Gives the holder to a supervisor, with a cell for each of its pairs. The first is the default. The owner may claim it again.</summary>
    /// <remarks>No pair is swapped meanwhile: the reload actors of the last owner, or of its last incarnation, have stopped.</remarks>
    internal IReadOnlyList<CertificateCell> Claim(IActorRef owner, IReadOnlyList<string> names)
    {
        var holder = Interlocked.CompareExchange(ref _owner, owner, null);
        if (holder is not null && !holder.Equals(owner))
            throw new CertificateHolderInUseException(owner.Path.ToString(), holder.Path.ToString());

        if (_first.Failure is not null)
            _first = new FirstLoad();

        _owned.Clear();
        foreach (var (place, name) in names.Index())
            _owned[place] = NewCell(place, name);
        _names = new NameIndex(_owned.Values);
        SetDefault(_owned.Values.FirstOrDefault());
        return [.. _owned.Values];
    }

    /// <summary>Gives the owner the cells of its trust bundles. No bundle is swapped meanwhile.</summary>
    internal IReadOnlyList<TrustBundleCell> ClaimBundles(IReadOnlyList<string> names)
    {
        foreach (var name in names)
            _bundleCells[name] = new TrustBundleCell(_bundleCells.GetValueOrDefault(name));
        _bundles = names.ToFrozenDictionary(name => name, name => _bundleCells[name], StringComparer.Ordinal);
        return [.. names.Select(name => _bundleCells[name])];
    }

    /// <summary>Gives the owner a cell for one more pair, which comes after all others.</summary>
    internal CertificateCell Add(string name)
    {
        var place = _owned.Count == 0 ? 0 : _owned.Keys[^1] + 1;
        var cell = NewCell(place, name);
        _owned.Add(place, cell);
        if (cell.Serving is { } serving)
            _names.Swap(place, previous: null, serving);
        if (_default is null)
            SetDefault(cell);
        return cell;
    }

    /// <summary>Takes a pair of the owner out, and supersedes what was served. Nothing publishes in its cell any more.</summary>
    /// <returns>The generations whose connections may be open, with the one that was served last at the end; none if none was.</returns>
    internal IReadOnlyList<GenerationUse> Remove(string name, DateTimeOffset now)
    {
        if (!_cells.Remove(name, out var cell))
            return [];
        _owned.Remove(cell.Place);
        if (cell.Serving is { } serving)
            _names.Remove(cell.Place, serving);
        if (_default == cell)
            SetDefault(_owned.Values.FirstOrDefault());
        if (cell.Serving is not { } last)
            return [];
        last.Use.Supersede(now);
        return [.. cell.Superseded, last.Use];
    }

    /// <summary>Gives the holder back. What is served stays.</summary>
    internal void Release(IActorRef owner)
    {
        if (owner.Equals(Volatile.Read(ref _owner)))
            Volatile.Write(ref _owner, null);
    }

    /// <summary>Whether a pair was ever swapped in. For the owner only.</summary>
    internal bool HasServed(string name) => _cells.GetValueOrDefault(name)?.Serving is not null;

    /// <summary>Whether servers count their connections. Without that, nothing is known of a superseded generation.</summary>
    internal bool CountsConnections => _countsConnections;

    /// <summary>The superseded generations of a pair (<see cref="CertificateCell.Superseded"/>). For the owner only.</summary>
    internal IReadOnlyList<GenerationUse> SupersededOf(string name) => _cells.GetValueOrDefault(name)?.Superseded ?? [];

    /// <summary>The open connections of a pair: of superseded generations that have any, and of what is served. For the owner only.</summary>
    internal IReadOnlyList<GenerationConnections> ConnectionsOf(string name)
    {
        if (!_countsConnections || _cells.GetValueOrDefault(name) is not { Serving: { } serving } cell)
            return [];

        // Read after what is served: a generation may be missing for the moment of its swap, and is not listed twice.
        var superseded =
            from use in cell.Superseded
            where use.OpenConnections > 0 && use.Generation < serving.Generation
            select new GenerationConnections { Generation = use.Generation, Open = use.OpenConnections, SupersededAt = use.SupersededAt };
        return [.. superseded, new GenerationConnections { Generation = serving.Generation, Open = serving.Use.OpenConnections, SupersededAt = null }];
    }

    /// <summary>Sends a message to the supervisor that owns the holder; lost if there is none.</summary>
    internal void TellOwner(object message) => Volatile.Read(ref _owner)?.Tell(message, ActorRefs.NoSender);

    /// <summary>Fails every wait for the first load, as there will be none.</summary>
    internal void GiveUp(CertificateReloadFailed failure) => _first.End(failure);

    /// <summary>Serves a cell's next certificate, by its names and, where the cell is the default, by <see cref="Current"/>.</summary>
    internal void Publish(CertificateCell cell, ServingCertificate next)
    {
        _names.Swap(cell.Place, cell.Serving, next);
        if (ReferenceEquals(cell, _default))
            Show(next);
    }

    private CertificateCell NewCell(int place, string name) => _cells[name] = new CertificateCell(this, place, _cells.GetValueOrDefault(name));

    private void SetDefault(CertificateCell? cell)
    {
        _default = cell;
        if (cell?.Serving is { } known)
            Show(known);
        else if (cell is null)
            _current = null;
    }

    private void Show(ServingCertificate certificate)
    {
        _current = certificate;
        _first.End(failure: null);
    }

    /// <summary>The first load of the default pair, or the reason why there will be none.</summary>
    private sealed class FirstLoad
    {
        private readonly TaskCompletionSource _ended = new(TaskCreationOptions.RunContinuationsAsynchronously);

        public Task Ended => _ended.Task;

        public CertificateReloadFailed? Failure { get; private set; }

        public void End(CertificateReloadFailed? failure)
        {
            if (_ended.Task.IsCompleted)
                return;
            Failure = failure;
            _ended.TrySetResult();
        }
    }
}
