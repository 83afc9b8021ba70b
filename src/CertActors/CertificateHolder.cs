using System.Collections.Concurrent;
using System.Collections.Frozen;
using System.Collections.Immutable;
using System.Diagnostics.CodeAnalysis;
using System.Security.Authentication;
using System.Security.Cryptography.X509Certificates;
using Akka.Actor;
using CertActors.Holding;
using CertActors.Verifying;

namespace CertActors;

/// <summary>
/// Publishes the serving certificates to handshakes, without locks. Create one before the actor system, and give it to the server's TLS set-up and to
/// the <see cref="CertificateSupervisor"/>. It outlives both: after the actors have stopped, it still serves what was loaded last.
/// </summary>
/// <remarks>
/// <para>
/// It belongs to one running supervisor at a time. A pair keeps its certificate and its generation from one supervisor to the next; one that the next
/// supervisor doesn't have is removed when that has started (<see cref="CertificateRemoved"/>), and a trust bundle likewise. All members may be called
/// from any thread.
/// </para>
/// <para>
/// A server name leads to the pair that has exactly this name, else to the pair that has a wildcard for its first label (RFC 9525, 6.3). Names compare
/// without regard to case and to the root's dot, with A-labels and U-labels (RFC 5890). Of several pairs with one name, the first in the options that
/// is loaded answers. No address is a server name (RFC 6066, 3): a client that sends one has sent no name.
/// </para>
/// </remarks>
public sealed class CertificateHolder
{
    /// <summary>How long each wait lasts by default: 5 s.</summary>
    public static readonly TimeSpan DefaultWait = TimeSpan.FromSeconds(5);

    // What those wait for who wait for the default pair, whichever it is, or for a supervisor.
    private const string DefaultKey = "";

    private readonly TimeProvider _time;
    private readonly Waiters _clients = new(StringComparer.OrdinalIgnoreCase);
    private readonly Waiters _pairWaiters = new(StringComparer.Ordinal);

    // Of each pair that any owner has had, by name. Its owner's only.
    private readonly Dictionary<string, CertificateCell> _cells = new(StringComparer.Ordinal);

    // Of the pairs of the present or last owner, by place. Its owner's only.
    private readonly SortedList<int, CertificateCell> _owned = [];

    // Of each trust bundle that any owner has had, by name. Its owner's only.
    private readonly Dictionary<string, TrustBundleCell> _bundleCells = new(StringComparer.Ordinal);

    // Of the trust bundles of the present or last owner.
    private volatile FrozenDictionary<string, TrustBundleCell> _bundles = FrozenDictionary<string, TrustBundleCell>.Empty;

    // Of the pairs of the present or last owner; null before the first.
    private volatile ConcurrentDictionary<string, CertificateCell>? _pairs;
    private volatile ServingCertificate? _current;
    private volatile NameIndex _names;
    private readonly DefaultPair _default;
    private volatile CertificateReloadFailed? _givenUp;
    private volatile bool _countsConnections;

    // Whether those servers ask clients for a certificate that resume sessions with these versions of TLS. Few: replaced whole, by any thread.
    private ImmutableDictionary<SslProtocols, bool> _sessions = ImmutableDictionary<SslProtocols, bool>.Empty;
    private IActorRef? _owner;

    /// <summary>Creates a holder that serves nothing yet.</summary>
    /// <param name="time">The clock of all waits, and of the checks of peers; null for the system's.</param>
    public CertificateHolder(TimeProvider? time = null)
    {
        _time = time ?? SystemTime;
        Clock = _time.GetUtcNow;
        Unserved = new UnservedHandshakes(this);
        _names = new NameIndex(_clients);
        _default = new DefaultPair(current => _current = current, unused => TellOwner(new GenerationUnused(unused)));
    }

    /// <summary>The default pair's certificate (<see cref="CertificateOptions.IsDefault"/>); null before its first load. One volatile read.</summary>
    public ServingCertificate? Current => _current;

    [SuppressMessage("ApiDesign", "RS0030", Justification = "The holder exists before the actor system, whose scheduler is the clock elsewhere.")]
    private static TimeProvider SystemTime => TimeProvider.System;

    /// <summary>The certificate of a pair, whatever its purpose. Allocates nothing.</summary>
    /// <param name="name">The pair's name (<see cref="CertificateOptions.Name"/>).</param>
    /// <returns>The certificate; null before the pair's first load, and if the supervisor has no such pair.</returns>
    public ServingCertificate? Get(string? name) =>
        name is not null && _pairs is { } pairs && pairs.TryGetValue(name, out var pair) ? pair.Serving : null;

    /// <summary>
    /// The certificate for a server name, else <see cref="Current"/>, from what is loaded now. A server that may wait during its start calls
    /// <see cref="SelectAsync"/> instead. Allocates nothing.
    /// </summary>
    /// <param name="serverName">The name that the client sent (SNI, RFC 6066); null or empty if it sent none.</param>
    /// <returns>The certificate; null if none is loaded that may answer.</returns>
    public ServingCertificate? Select(string? serverName) =>
        string.IsNullOrEmpty(serverName) ? _current : SelectByName(serverName);

    /// <summary>
    /// The certificate for a server name, and never the default in its place, from what is loaded now. A server that may wait during its start calls
    /// <see cref="SelectStrictAsync"/> instead. Allocates nothing.
    /// </summary>
    /// <param name="serverName">The name that the client sent (SNI, RFC 6066); null or empty if it sent none.</param>
    /// <returns>The certificate; null if no loaded pair has the name, and if the client sent none: refuse the handshake.</returns>
    public ServingCertificate? SelectStrict(string? serverName) => string.IsNullOrEmpty(serverName) ? null : _names.Find(serverName);

    /// <summary>
    /// The certificate for a server name, else that of the default pair. It waits while a first load is in progress that may bring the certificate for
    /// the name, and while nothing is loaded that may answer. After that it completes at once, and allocates nothing.
    /// </summary>
    /// <remarks>
    /// A name that a pair has by its <see cref="CertificateOptions.ServerNames"/> waits for the first load of that pair; a name that no pair has, for the
    /// first loads of all pairs whose leaf brings their names. A first load ends when it is judged or given up: from then on, clients of a pair that was
    /// rejected get a wildcard's certificate or the default, until the pair is loaded.
    /// </remarks>
    /// <param name="serverName">The name that the client sent (SNI, RFC 6066); null or empty if it sent none.</param>
    /// <param name="timeout">
    /// The time limit, after which the best of what is loaded is returned; null for <see cref="DefaultWait"/>, <see cref="Timeout.InfiniteTimeSpan"/> for
    /// none.
    /// </param>
    /// <param name="cancellationToken">Cancels the wait.</param>
    /// <returns>The certificate.</returns>
    /// <exception cref="CertificateNotLoadedException">
    /// Nothing that may answer was loaded within the time limit, or before the supervisor has stopped itself
    /// (<see cref="CertificatesOptions.StopOnFailedFirstLoad"/>).
    /// </exception>
    /// <exception cref="ArgumentOutOfRangeException">The time limit is negative, or too long for a timer.</exception>
    /// <exception cref="OperationCanceledException">The wait was cancelled.</exception>
    /// <example>
    /// <code>
    /// await tls.AuthenticateAsServerAsync(
    ///     async (stream, hello, state, cancellationToken) =>
    ///     {
    ///         var certificate = await holder.SelectAsync(hello.ServerName, cancellationToken: cancellationToken);
    ///         return new SslServerAuthenticationOptions { ServerCertificateContext = certificate.Context };
    ///     },
    ///     state: null);
    /// </code>
    /// </example>
    public ValueTask<ServingCertificate> SelectAsync(string? serverName, TimeSpan? timeout = null, CancellationToken cancellationToken = default) =>
        SelectOrWaitAsync(serverName, isStrict: false, timeout, cancellationToken)!;

    /// <summary>
    /// The certificate for a server name, and never the default in its place. It waits as <see cref="SelectAsync"/> does; also for a pair that has the
    /// name by its <see cref="CertificateOptions.ServerNames"/> and was rejected, as nothing else may answer.
    /// </summary>
    /// <returns>The certificate; null if no pair has the name, and if the client sent none: refuse the handshake.</returns>
    /// <exception cref="CertificateNotLoadedException">
    /// The pair that has the name was not loaded within the time limit, or before the supervisor has stopped itself
    /// (<see cref="CertificatesOptions.StopOnFailedFirstLoad"/>).
    /// </exception>
    /// <inheritdoc cref="SelectAsync"/>
    public ValueTask<ServingCertificate?> SelectStrictAsync(
        string? serverName, TimeSpan? timeout = null, CancellationToken cancellationToken = default) =>
        SelectOrWaitAsync(serverName, isStrict: true, timeout, cancellationToken);

    /// <summary>A trust bundle, to verify peers against. Use one and the same for all that one handshake needs. Allocates nothing.</summary>
    /// <param name="name">The bundle's name (<see cref="TrustBundleOptions.Name"/>).</param>
    /// <returns>The bundle; null before its first load, and if the supervisor has no such bundle: refuse the peer.</returns>
    public TrustBundle? GetTrustBundle(string name) => _bundles.TryGetValue(name, out var cell) ? cell.Serving : null;

    /// <summary>Selects what a handshake of a server uses: its certificate, as <see cref="SelectAsync"/> does, and what its client is verified against.</summary>
    /// <remarks>It waits for the first load of the trust bundle, too, and completes at once after that.</remarks>
    /// <param name="serverName">The name that the client sent (SNI, RFC 6066); null or empty if it sent none.</param>
    /// <param name="options">How the server selects and checks.</param>
    /// <param name="timeout">The time limit; null for <see cref="DefaultWait"/>, <see cref="Timeout.InfiniteTimeSpan"/> for none.</param>
    /// <param name="cancellationToken">Cancels the wait.</param>
    /// <returns>
    /// The identity; null if <see cref="CertificateServerOptions.StrictNames"/> is set, and no pair has the name or the client sent none: refuse the
    /// handshake.
    /// </returns>
    /// <exception cref="CertificateNotLoadedException">The certificate or the trust bundle was not loaded in time.</exception>
    /// <exception cref="ArgumentOutOfRangeException">The time limit is negative, or too long for a timer.</exception>
    /// <exception cref="OperationCanceledException">The wait was cancelled.</exception>
    public async ValueTask<ServerIdentity?> SelectIdentityAsync(
        string? serverName, CertificateServerOptions options, TimeSpan? timeout = null, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(options);
        var limit = Limit(timeout);
        while (true)
        {
            var certificate = options.StrictNames
                ? await SelectStrictAsync(serverName, timeout, cancellationToken).ConfigureAwait(false)
                : await SelectAsync(serverName, timeout, cancellationToken).ConfigureAwait(false);
            if (certificate is null)
            {
                Unserved.AddUnknownName();
                return null;
            }

            if (options.ClientCertificates == ClientCertificates.None)
                return new ServerIdentity(this, certificate, trustBundle: null, options);

            var trust = await TrustBundleAsync(options.TrustBundle!, limit, cancellationToken).ConfigureAwait(false);

            // If the same certificate is served after the bundle was read, both were served at that moment.
            var still = options.StrictNames ? SelectStrict(serverName) : Select(serverName);
            if (ReferenceEquals(still, certificate))
                return new ServerIdentity(this, certificate, trust, options);
        }
    }

    /// <summary>Waits until the first load of the default pair; returns at once after it.</summary>
    /// <param name="timeout">The time limit; null for <see cref="DefaultWait"/>, <see cref="Timeout.InfiniteTimeSpan"/> for none.</param>
    /// <param name="cancellationToken">Cancels the wait.</param>
    /// <returns>The default pair's certificate.</returns>
    /// <exception cref="CertificateNotLoadedException">
    /// The time limit has passed, or the supervisor has stopped itself (<see cref="CertificatesOptions.StopOnFailedFirstLoad"/>); or, at once,
    /// all of its pairs are for client authentication alone.
    /// </exception>
    /// <exception cref="ArgumentOutOfRangeException">The time limit is negative, or too long for a timer.</exception>
    /// <exception cref="OperationCanceledException">The wait was cancelled.</exception>
    /// <example><code>var first = await holder.WaitForFirstAsync();</code></example>
    public async Task<ServingCertificate> WaitForFirstAsync(TimeSpan? timeout = null, CancellationToken cancellationToken = default)
    {
        await WaitUntilAsync(_pairWaiters, [DefaultKey], () => _current is not null || HasNoDefault(), Limit(timeout), cancellationToken).ConfigureAwait(false);
        return _current ?? throw (HasNoDefault() ? CertificateNotLoadedException.NoDefault() : NotLoaded(_default.Cell));
    }

    /// <summary>Waits until the first load of a pair, whatever its purpose; returns at once after it.</summary>
    /// <param name="name">The pair's name (<see cref="CertificateOptions.Name"/>).</param>
    /// <param name="timeout">The time limit; null for <see cref="DefaultWait"/>, <see cref="Timeout.InfiniteTimeSpan"/> for none.</param>
    /// <param name="cancellationToken">Cancels the wait.</param>
    /// <returns>The pair's certificate.</returns>
    /// <exception cref="CertificateNotLoadedException">
    /// The time limit has passed, or the supervisor has stopped itself (<see cref="CertificatesOptions.StopOnFailedFirstLoad"/>); or, at once,
    /// it has no such pair.
    /// </exception>
    /// <inheritdoc cref="WaitForFirstAsync"/>
    public async Task<ServingCertificate> WaitForAsync(string name, TimeSpan? timeout = null, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(name);
        await WaitUntilAsync(_pairWaiters, [name], () => IsLoadedOrUnknown(name), Limit(timeout), cancellationToken).ConfigureAwait(false);
        return Get(name) ?? throw WhyNotLoaded(name);
    }

    /// <summary>Waits until the first load of each pair and trust bundle; returns at once after the last of them.</summary>
    /// <returns>A task that ends when all of them are loaded.</returns>
    /// <exception cref="CertificateNotLoadedException">
    /// The time limit has passed, or the supervisor has stopped itself (<see cref="CertificatesOptions.StopOnFailedFirstLoad"/>).
    /// </exception>
    /// <inheritdoc cref="WaitForFirstAsync"/>
    public async Task WaitForAllAsync(TimeSpan? timeout = null, CancellationToken cancellationToken = default)
    {
        var limit = Limit(timeout);
        var isInTime = await WaitUntilAsync(_pairWaiters, [DefaultKey], () => _pairs is not null, limit, cancellationToken).ConfigureAwait(false);

        // More may be added meanwhile, and the supervisor may be restarted.
        while (isInTime && _givenUp is null)
        {
            var names = MissingNames();
            if (names.Length == 0)
                return;
            foreach (var name in names)
            {
                isInTime = isInTime && await WaitUntilAsync(
                    _pairWaiters, [name], () => IsLoadedOrUnknown(name) && IsBundleLoadedOrUnknown(name), limit, cancellationToken).ConfigureAwait(false);
            }
        }

        var missing = MissingPairs.Select(pair => (pair.Name, pair.LastFailure)).ToArray();
        var bundles = MissingBundles.Select(bundle => (bundle.Name, bundle.LastFailure)).ToArray();
        if (_pairs is null || missing.Length > 0 || bundles.Length > 0)
            throw new CertificateNotLoadedException(missing, _givenUp, bundles);
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

    /// <summary>
    /// States that a server selects and checks by these options. Of servers that ask for client certificates and servers that don't, with the same versions
    /// of TLS, those resume sessions that are added first: see <see cref="CertificateServerOptions.Protocols"/>. A server that isn't added is by its first
    /// handshake. Kestrel endpoints with <c>UseCertificates</c>, when they start, and <see cref="CertificateTlsExtensions.ServerOptionsCallback"/>, call it by themselves.
    /// </summary>
    /// <param name="server">The options of the server.</param>
    /// <exception cref="CertificateOptionsException">The options are invalid; every error is listed.</exception>
    public void AddServer(CertificateServerOptions server)
    {
        ArgumentNullException.ThrowIfNull(server);
        server.Validate();
        ClaimSessions(server);
    }

    /// <summary>Why there is no certificate of a pair.</summary>
    internal CertificateNotLoadedException WhyNotLoaded(string pair) => _pairs is not { } pairs ? CertificateNotLoadedException.Unclaimed(pair)
        : pairs.TryGetValue(pair, out var missing) ? NotLoaded(missing)
        : CertificateNotLoadedException.Unknown(pair, pairs.Keys);

    /// <summary>Why there is no trust bundle of that name.</summary>
    internal CertificateNotLoadedException WhyBundleNotLoaded(string bundle) =>
        CertificateNotLoadedException.OfBundle(bundle, _bundles.GetValueOrDefault(bundle)?.LastFailure);

    /// <summary>Gives the holder to a supervisor, with a cell for each of its pairs and trust bundles. The owner may claim it again.</summary>
    /// <remarks>Nothing is swapped meanwhile: the reload actors of the last owner, or of its last incarnation, have stopped.</remarks>
    internal IReadOnlyList<CertificateCell> Claim(IActorRef owner, IReadOnlyList<CertificateOptions> pairs, params IReadOnlyList<string> bundles)
    {
        var holder = Interlocked.CompareExchange(ref _owner, owner, null);
        if (holder is not null && !holder.Equals(owner))
            throw new CertificateHolderInUseException(owner.Path.ToString(), holder.Path.ToString());

        _givenUp = null;
        foreach (var name in bundles)
            _bundleCells[name] = new TrustBundleCell(this, name, _bundleCells.GetValueOrDefault(name));
        _bundles = bundles.ToFrozenDictionary(name => name, name => _bundleCells[name], StringComparer.Ordinal);
        _owned.Clear();
        foreach (var (place, options) in pairs.Index())
            _owned[place] = NewCell(place, options);

        if (_default.Source is { } source && _cells.GetValueOrDefault(source.Name) is { } next)
            _default.Replace(source, next);
        var names = new NameIndex(_clients);
        Report([.. _owned.Values.Where(cell => cell.IsForServers).SelectMany(names.Add)]);
        _names = names;
        _default.Set(CertificatesOptions.DefaultOf(pairs)?.Name is { } first ? _cells[first] : null);
        _pairs = new ConcurrentDictionary<string, CertificateCell>(_owned.Values.Select(cell => KeyValuePair.Create(cell.Name, cell)), StringComparer.Ordinal);
        WakeAll();
        return [.. _owned.Values];
    }

    /// <summary>The cell of one of the owner's pairs.</summary>
    internal CertificateCell CellOf(string name) => _cells[name];

    /// <summary>The cell of one of the owner's trust bundles.</summary>
    internal TrustBundleCell BundleCellOf(string name) => _bundleCells[name];

    /// <summary>
    /// Puts the pairs of the owner in another order, by which one of those that have a server name answers, and makes another one the default. Those that
    /// it doesn't name are about to be removed.
    /// </summary>
    /// <param name="pairs">The names of the pairs.</param>
    /// <param name="default">The name of the default; null for none. It may still be about to be for servers.</param>
    internal void Arrange(IReadOnlyList<string> pairs, string? @default)
    {
        var places = pairs.Index().ToDictionary(pair => pair.Item, pair => pair.Index, StringComparer.Ordinal);
        if (!_owned.Values.Select(cell => cell.Name).Where(places.ContainsKey).SequenceEqual(pairs, StringComparer.Ordinal))
        {
            CertificateCell[] arranged = [.. _owned.Values.OrderBy(cell => places.GetValueOrDefault(cell.Name, int.MaxValue))];
            Report(_names.Arrange(arranged));
            _owned.Clear();
            foreach (var cell in arranged)
                _owned.Add(cell.Place, cell);
        }

        SetDefault(@default);
    }

    /// <summary>Makes a pair of the owner the default. Until it is loaded, what was served as the default continues to be served.</summary>
    /// <param name="name">The pair's name; null for none. If there is no such pair yet, the default stays what it is.</param>
    internal void SetDefault(string? name)
    {
        if (name is null)
            _default.Set(null);
        else if (_cells.TryGetValue(name, out var next))
            _default.Set(next);
        WakeAll();
    }

    /// <summary>Whether a pair is the default, loaded or not.</summary>
    internal bool IsDefault(string name) => _default.Cell?.Name == name;

    /// <summary>Gives the owner a cell for one more pair, which comes after all others. It is the default if it is marked so, or the only one for servers.</summary>
    internal CertificateCell Add(CertificateOptions options)
    {
        var cell = NewCell(place: _owned.Count == 0 ? 0 : _owned.Keys[^1] + 1, options);
        _owned.Add(cell.Place, cell);
        if (cell.IsForServers)
            Report(_names.Add(cell));
        if (options.IsDefault || (_default.Cell is null && cell.IsForServers))
            _default.Set(cell);
        _pairs![cell.Name] = cell;
        return cell;
    }

    /// <summary>
    /// Gives the owner another cell for a pair whose options have changed. It is in the place of the last one, and serves what that one has served;
    /// a server name that the pair keeps leads to it at each moment, and clients continue to wait for its first load. Which pair is the default stays as it
    /// is. Nothing publishes in the last one any more.
    /// </summary>
    internal CertificateCell Replace(CertificateOptions options)
    {
        var last = _cells[options.Name];
        var cell = NewCell(last.Place, options);
        _owned[cell.Place] = cell;
        Report(_names.Replace(last, cell));
        _default.Replace(last, cell);
        _pairs![cell.Name] = cell;
        WakeAll();
        return cell;
    }

    /// <summary>
    /// Gives the owner a cell for one more trust bundle, or another one for a bundle whose options have changed, which serves what the last one has.
    /// </summary>
    internal TrustBundleCell AddBundle(string name)
    {
        var cell = _bundleCells[name] = new TrustBundleCell(this, name, _bundleCells.GetValueOrDefault(name));
        _bundles = _bundles.Values.Where(other => other.Name != name).Append(cell).ToFrozenDictionary(bundle => bundle.Name, StringComparer.Ordinal);
        return cell;
    }

    /// <summary>Takes a trust bundle of the owner out: peers are refused that would be verified against it. Nothing publishes in its cell any more.</summary>
    /// <returns>The generation that was served last; 0 if none was.</returns>
    internal long RemoveBundle(string name)
    {
        if (!_bundleCells.Remove(name, out var cell))
            return 0;
        _bundles = _bundles.Values.Where(other => other != cell).ToFrozenDictionary(bundle => bundle.Name, StringComparer.Ordinal);
        WakeAll();
        cell.Serving?.Supersession.Supersede();
        return cell.Serving?.Generation ?? 0;
    }

    /// <summary>Takes a pair of the owner out, and supersedes what was served. Nothing publishes in its cell any more.</summary>
    /// <param name="name">The pair's name.</param>
    /// <param name="now">The time.</param>
    /// <param name="untilNextDefault">
    /// Whether the current certificate, if it is the pair's, stays until the next default is loaded, and is superseded then.
    /// </param>
    /// <returns>The generations whose connections may be open, with the one that was served last at the end; none if none was.</returns>
    internal IReadOnlyList<GenerationUse> Remove(string name, DateTimeOffset now, bool untilNextDefault)
    {
        if (!_cells.Remove(name, out var cell))
            return [];

        // If the supervisor was restarted during the removal, the others have moved up, and another one may be in its place.
        if (IsOwned(cell))
        {
            cell.EndFirstLoad();
            _pairs?.TryRemove(name, out _);
            _owned.Remove(cell.Place);
            if (cell.IsForServers)
                Report(_names.Remove(cell));
        }

        _default.Remove(cell, now, untilNextDefault, next: untilNextDefault ? null : _owned.Values.FirstOrDefault(other => other.IsForServers));
        WakeAll();
        return cell.Serving is { } last ? [.. cell.Superseded, last.Use] : [];
    }

    /// <summary>Takes away the current certificate, if it is of a pair of that name, which was removed before.</summary>
    /// <returns>Whether it was.</returns>
    internal bool RemoveLeaving(string name, DateTimeOffset now)
    {
        if (!_default.RemoveLeaving(name, now))
            return false;
        WakeAll();
        return true;
    }

    /// <summary>The current certificate, if it is of a pair that was removed; null otherwise.</summary>
    internal ServingCertificate? RemovedDefault() => _default.Removed;

    /// <summary>The pairs and trust bundles that earlier owners have had, and the present one has not.</summary>
    internal IReadOnlyList<(string Name, bool IsBundle)> Abandoned() =>
    [
        .. _cells.Values.Where(cell => !IsOwned(cell)).Select(cell => (cell.Name, IsBundle: false)),
        .. _bundleCells.Keys.Where(name => !_bundles.ContainsKey(name)).Select(name => (name, IsBundle: true)),
    ];

    /// <summary>Gives the holder back. What is served stays, and nobody waits for first loads any more.</summary>
    internal void Release(IActorRef owner)
    {
        if (!owner.Equals(Volatile.Read(ref _owner)))
            return;
        foreach (var name in (string[])[.. _owned.Values.Select(cell => cell.Name), .. _bundles.Keys])
            EndFirstLoad(name);
        Volatile.Write(ref _owner, null);
    }

    /// <summary>Lets nobody wait for a first load any more, as the actor of the pair or trust bundle has stopped. For the owner only.</summary>
    internal void EndFirstLoad(string name)
    {
        _cells.GetValueOrDefault(name)?.EndFirstLoad();
        _bundleCells.GetValueOrDefault(name)?.EndFirstLoad();
    }

    /// <summary>Whether a pair was ever swapped in. For the owner only.</summary>
    internal bool HasServed(string name) => _cells.GetValueOrDefault(name)?.Serving is not null;

    /// <summary>Whether servers count their connections. Without that, nothing is known of a superseded generation.</summary>
    internal bool CountsConnections => _countsConnections;

    /// <summary>The superseded generations of a pair (<see cref="CertificateCell.Superseded"/>). For the owner only.</summary>
    internal IReadOnlyList<GenerationUse> SupersededOf(string name) => _cells.GetValueOrDefault(name)?.Superseded ?? [];

    /// <summary>The open connections of a pair of the owner: of superseded generations that have any, and of what is served.</summary>
    internal IReadOnlyList<GenerationConnections> ConnectionsOf(string name)
    {
        if (!_countsConnections || _pairs?.GetValueOrDefault(name) is not { Serving: { } serving } cell)
            return [];

        // Read after what is served: a generation may be missing for the moment of its swap, and is not listed twice.
        var superseded =
            from use in cell.Superseded
            where use.OpenConnections > 0 && use.Generation < serving.Generation
            select use.Connections;
        return [.. superseded, serving.Use.Connections with { SupersededAt = null }];
    }

    /// <summary>The handshakes for which there was nothing to serve.</summary>
    internal UnservedHandshakes Unserved { get; }

    /// <summary>What the peers of all trust bundles have sent.</summary>
    internal IntermediateMemory Intermediates { get; } = new();

    /// <summary>Returns the time at which peers are verified. One delegate for all handshakes.</summary>
    internal Func<DateTimeOffset> Clock { get; }

    /// <summary>The time at which peers are verified.</summary>
    internal DateTimeOffset UtcNow() => Clock();

    /// <summary>
    /// Claims the sessions of a server's versions of TLS: for the first server, and for those that ask for client certificates, or don't, as it.
    /// </summary>
    /// <returns>Whether it has them, and so resumes sessions.</returns>
    internal bool ClaimSessions(CertificateServerOptions server)
    {
        var asks = server.ClientCertificates != ClientCertificates.None;
        return ImmutableInterlocked.GetOrAdd(ref _sessions, ServerIdentity.ProtocolsOf(server), asks) == asks;
    }

    /// <summary>Counts the peers that a trust bundle refuses.</summary>
    internal Action<TrustResult> RefusalsOf(string bundle) => FindRefusals(bundle)?.Recorder ?? (static _ => { });

    /// <summary>Counts the peers that a trust bundle accepts; null if there is no such bundle.</summary>
    internal Action<TrustResult, X509Certificate2, DateTimeOffset>? AcceptancesOf(string bundle) => FindAcceptances(bundle)?.Recorder;

    /// <summary>The peers that a trust bundle has accepted; null if there is no such bundle.</summary>
    internal PeerAcceptances? FindAcceptances(string bundle) => _bundles.TryGetValue(bundle, out var cell) ? cell.Acceptances : null;

    /// <summary>The peers that a trust bundle has refused.</summary>
    internal PeerRefusals? FindRefusals(string bundle) => _bundles.TryGetValue(bundle, out var cell) ? cell.Refusals : null;

    /// <summary>Sends a message to the supervisor that owns the holder; lost if there is none.</summary>
    internal void TellOwner(object message) => Volatile.Read(ref _owner)?.Tell(message, ActorRefs.NoSender);

    /// <summary>Ends every wait, as nothing more will be loaded.</summary>
    internal void GiveUp(CertificateReloadFailed failure)
    {
        _givenUp = failure;
        WakeAll();
    }

    /// <summary>Serves a cell's next certificate by its names.</summary>
    internal void Publish(CertificateCell cell, ServingCertificate next)
    {
        if (cell.IsForServers)
            Report(_names.Swap(cell, next));
    }

    /// <summary>
    /// Serves a cell's next certificate by <see cref="Current"/>, if that is the cell's, and supersedes its last one. Called once the cell serves the next.
    /// </summary>
    internal void PublishDefault(CertificateCell cell, ServingCertificate? previous = null)
    {
        if (_default.Publish(cell, previous))
            _clients.Wake([DefaultKey]);
    }

    /// <summary>Wakes those who wait for a cell's first load, as it is served now.</summary>
    internal void WakeWaiters(CertificateCell cell) => _pairWaiters.Wake(ReferenceEquals(cell, _default.Cell) ? [cell.Name, DefaultKey] : [cell.Name]);

    /// <summary>Wakes those who wait for a trust bundle's first load, as it is served now, or was judged.</summary>
    internal void WakeWaiters(TrustBundleCell cell) => _pairWaiters.Wake([cell.Name]);

    /// <summary>Lets no client wait for a cell's first load any more.</summary>
    internal void EndFirstLoad(CertificateCell cell)
    {
        if (cell.IsForServers)
            _names.EndFirstLoad(cell);
    }

    private CertificateCell NewCell(int place, CertificateOptions options) =>
        _cells[options.Name] = new CertificateCell(this, place, options, _cells.GetValueOrDefault(options.Name));

    private bool IsOwned(CertificateCell cell) => _owned.TryGetValue(cell.Place, out var owned) && owned == cell;

    private void Report(IReadOnlyList<NameConflict> conflicts)
    {
        foreach (var conflict in conflicts)
            TellOwner(conflict);
    }

    private void WakeAll()
    {
        _pairWaiters.WakeAll();
        _clients.WakeAll();
    }

    private ServingCertificate? SelectByName(string serverName) => _names.Find(serverName) ?? _current;

    private ValueTask<ServingCertificate?> SelectOrWaitAsync(string? serverName, bool isStrict, TimeSpan? timeout, CancellationToken cancellationToken) =>
        IsSettled(serverName, isStrict, out var match)
            ? ValueTask.FromResult(match.Certificate)
            : new(WaitAndSelectAsync(serverName, isStrict, Limit(timeout), cancellationToken));

    private async Task<ServingCertificate?> WaitAndSelectAsync(string? serverName, bool isStrict, TimeLimit limit, CancellationToken cancellationToken)
    {
        string[] names = [.. ServerName.KeysFor(serverName ?? ""), DefaultKey];
        await WaitUntilAsync(_clients, names, () => IsSettled(serverName, isStrict, out _), limit, cancellationToken).ConfigureAwait(false);
        IsSettled(serverName, isStrict, out var match);
        if (match.Certificate is not null)
            return match.Certificate;
        if (isStrict && match.Pair is null && _pairs is not null)
            return null;
        throw Unserved.Add(NotLoaded(match.Pair, isStrict ? null : _default.Cell));
    }

    /// <summary>Whether the client has nothing to wait for: there is a certificate for it, or none will come, and no first load may change that.</summary>
    private bool IsSettled(string? serverName, bool isStrict, out NameIndex.Match match)
    {
        // Before the names, which are there when the pairs are.
        var isClaimed = _pairs is not null;
        var hasName = !string.IsNullOrEmpty(serverName);
        match = hasName ? _names.FindOrAwait(serverName) : default;
        if (isStrict)
            return !hasName || (isClaimed && !match.IsAwaited && (match.Certificate is not null || match.Pair is null));

        match = match with { Certificate = match.Certificate ?? _current };
        return match.Certificate is not null && !match.IsAwaited;
    }

    private async ValueTask<TrustBundle> TrustBundleAsync(string name, TimeLimit limit, CancellationToken cancellationToken)
    {
        if (GetTrustBundle(name) is { } loaded)
            return loaded;
        await WaitUntilAsync(
            _pairWaiters, [name], () => _pairs is not null && _bundles.GetValueOrDefault(name) is not { IsInFirstLoad: true }, limit, cancellationToken).ConfigureAwait(false);
        if (GetTrustBundle(name) is { } bundle)
            return bundle;
        throw Unserved.Add(WhyBundleNotLoaded(name));
    }

    private Task<bool> WaitUntilAsync(
        Waiters waiters, IReadOnlyList<string> names, Func<bool> isOver, TimeLimit limit, CancellationToken cancellationToken) =>
        waiters.WaitUntilAsync(names, () => isOver() || _givenUp is not null, limit, cancellationToken);

    private TimeLimit Limit(TimeSpan? timeout) => new(timeout ?? DefaultWait, _time);

    private IEnumerable<CertificateCell> MissingPairs => _pairs?.Values.Where(pair => pair.Serving is null) ?? [];

    private IEnumerable<TrustBundleCell> MissingBundles => _bundles.Values.Where(bundle => bundle.Serving is null);

    private string[] MissingNames() => [.. MissingPairs.Select(pair => pair.Name), .. MissingBundles.Select(bundle => bundle.Name)];

    private bool HasNoDefault() => _pairs is not null && _default.Cell is null;

    private bool IsLoadedOrUnknown(string name) =>
        _pairs is { } pairs && (!pairs.TryGetValue(name, out var pair) || pair.Serving is not null);

    private bool IsBundleLoadedOrUnknown(string name) => !_bundles.TryGetValue(name, out var bundle) || bundle.Serving is not null;

    private CertificateNotLoadedException NotLoaded(params IEnumerable<CertificateCell?> missing) =>
        new(missing.OfType<CertificateCell>().Select(pair => (pair.Name, pair.LastFailure)), _givenUp);
}
