using System.Net;
using System.Text;

namespace CertActors.Holding;

/// <summary>Which certificate answers to which server name. Of two pairs with one name, the earlier in the options has it.</summary>
/// <remarks>
/// It is written as part of each swap: a name leads to the certificate itself. A look-up takes no lock, and at no moment gets the certificate of a
/// pair that does not have the name while another pair has it. Several pairs may be swapped at the same time; their writers take turns.
/// </remarks>
/// <param name="clients">Those who wait for a certificate. A change of the index wakes those whom it concerns.</param>
internal sealed class NameIndex(Waiters clients)
{
    private readonly Lock _writing = new();
    private readonly NameTable _names = new();

    // The pairs that are in their first load, and whose names that load brings.
    private volatile int _unknown;

    /// <summary>What there is for a client that may wait.</summary>
    /// <param name="Certificate">The certificate for its name; null if no loaded pair has it.</param>
    /// <param name="Pair">The first pair that has the name, loaded or not; null if none has.</param>
    /// <param name="IsAwaited">Whether a first load is in progress that may bring a certificate for the name, or a better one.</param>
    public readonly record struct Match(ServingCertificate? Certificate, CertificateCell? Pair, bool IsAwaited);

    /// <summary>Adds a pair. The names that it has by its options are its own from now on, loaded or not.</summary>
    /// <returns>The names that another pair has, too.</returns>
    public IReadOnlyList<NameConflict> Add(CertificateCell pair)
    {
        var conflicts = new List<NameConflict>();
        lock (_writing)
            Add(pair, conflicts);
        return conflicts;
    }

    /// <summary>Puts a pair's next cell, with other options, in the place of its last one. A name that it keeps is never without it, and is waited for on.</summary>
    /// <inheritdoc cref="Add(CertificateCell)"/>
    public IReadOnlyList<NameConflict> Replace(CertificateCell last, CertificateCell next)
    {
        var conflicts = new List<NameConflict>();
        var lost = last.IsForServers ? ServerName.KeysOf(last.Names ?? []) : [];
        lock (_writing)
        {
            if (next.IsForServers)
                lost.ExceptWith(Add(next, conflicts));

            if (last is { IsForServers: true, IsInFirstLoad: true })
                StopAwaiting(last, ServerName.KeysOf(last.ServerNames));
            Remove(last, lost, conflicts);
        }

        return conflicts;
    }

    /// <summary>Gives all pairs other places. Where several have a name, it leads to the first of them from now on.</summary>
    /// <returns>The names that lead to another pair.</returns>
    public IReadOnlyList<NameConflict> Arrange(IReadOnlyList<CertificateCell> pairs)
    {
        var conflicts = new List<NameConflict>();
        lock (_writing)
        {
            foreach (var (place, pair) in pairs.Index())
                pair.Place = place;
            foreach (var name in _names.All)
            {
                if (name.Arrange() is not { } last)
                    continue;
                AddConflict(name.Key, name.FirstPair!, last, conflicts);

                // The last one may be about to be removed.
                if (name.SecondPair is { } second && second != last)
                    AddConflict(name.Key, name.FirstPair!, second, conflicts);
            }
        }

        return conflicts;
    }

    /// <summary>Lets a pair's names lead to its next certificate. Those that it no longer has go to the next pair that has them.</summary>
    /// <returns>The names that the pair gets, or another pair gets in its place, and a further pair has, too.</returns>
    public IReadOnlyList<NameConflict> Swap(CertificateCell pair, ServingCertificate next)
    {
        var conflicts = new List<NameConflict>();
        var isByOptions = pair.ServerNames.Count > 0;
        var keys = ServerName.KeysOf(isByOptions ? pair.ServerNames : next.Facts.DnsNames);
        var lost = isByOptions || pair.Serving is not { } previous ? [] : ServerName.KeysOf(previous.Facts.DnsNames);
        lost.ExceptWith(keys);
        lock (_writing)
        {
            foreach (var key in keys)
                Set(key, pair, next, conflicts);
            Remove(pair, lost, conflicts);
        }

        clients.Wake(keys);
        return conflicts;
    }

    /// <summary>Lets nobody wait for the pair's first load any more.</summary>
    public void EndFirstLoad(CertificateCell pair)
    {
        var keys = ServerName.KeysOf(pair.ServerNames);
        bool isLastUnknown;
        lock (_writing)
            isLastUnknown = StopAwaiting(pair, keys);

        if (isLastUnknown)
            clients.WakeAll();
        else
            clients.Wake(keys);
    }

    /// <summary>Takes the names of a pair away, whose first load has ended. Those that other pairs have go to the next of these.</summary>
    /// <returns>The names that another pair gets, and a further pair has, too.</returns>
    public IReadOnlyList<NameConflict> Remove(CertificateCell pair)
    {
        var conflicts = new List<NameConflict>();
        var keys = ServerName.KeysOf(pair.Names ?? []);
        lock (_writing)
            Remove(pair, keys, conflicts);
        return conflicts;
    }

    public ServingCertificate? Find(ReadOnlySpan<char> serverName)
    {
        serverName = ServerName.WithoutRoot(serverName);
        if (serverName is [] or ['.', ..])
            return null; // Not a host name, but the form of a wildcard's key.
        if (_names.Find(serverName)?.First is { } exact)
            return exact;
        return ServerName.WildcardKey(serverName) is { IsEmpty: false } wildcard ? _names.Find(wildcard)?.First : null;
    }

    /// <summary>Finds the certificate for a client that may wait.</summary>
    public Match FindOrAwait(ReadOnlySpan<char> serverName)
    {
        // The end of a first load is read before the names, as it is written after them.
        var isUnknown = _unknown > 0;
        serverName = ServerName.WithoutRoot(serverName);
        if (serverName is [] or ['.', ..])
            return default;

        var exact = MatchOf(_names.Find(serverName));
        if (exact.Certificate is not null)
            return exact;

        var wildcard = MatchOf(_names.Find(ServerName.WildcardKey(serverName)));
        var isMissing = wildcard.Certificate is null;
        var isAwaited = exact.IsAwaited || wildcard.IsAwaited || (isMissing && isUnknown && !IPAddress.TryParse(serverName, out _));
        return new Match(wildcard.Certificate, exact.Pair ?? wildcard.Pair, isAwaited);
    }

    private static Match MatchOf(Name? name)
    {
        var isAwaited = name?.IsAwaited ?? false;
        var certificate = name?.First;
        return new Match(certificate, name?.FirstPair, isAwaited && certificate is null);
    }

    // A name that the pair has by its options is its own, even if nothing answers to it yet; one of the leaf is once the leaf may answer to it.
    /// <returns>The names that lead to the pair now, or will once it is loaded.</returns>
    private HashSet<string> Add(CertificateCell pair, List<NameConflict> conflicts)
    {
        var isByOptions = pair.ServerNames.Count > 0;
        var keys = ServerName.KeysOf(pair.Names ?? []);
        if (!isByOptions)
            keys.RemoveWhere(key => pair.CertificateFor(key) is null);
        foreach (var key in keys)
        {
            var name = Set(key, pair, pair.CertificateFor(key), conflicts);
            if (isByOptions && pair.IsInFirstLoad)
                name.Await();
        }

        if (!isByOptions && pair.IsInFirstLoad)
            _unknown++;
        return keys;
    }

    /// <returns>Whether no pair is left whose first load brings its names.</returns>
    private bool StopAwaiting(CertificateCell pair, HashSet<string> keys)
    {
        foreach (var key in keys)
            _names.Find(key)?.StopAwaiting();
        return pair.ServerNames.Count == 0 && --_unknown == 0;
    }

    private void Remove(CertificateCell pair, HashSet<string> keys, List<NameConflict> conflicts)
    {
        foreach (var key in keys)
        {
            if (_names.Find(key) is not { } name)
                continue;
            var first = name.FirstPair;
            if (name.Remove(pair))
                _names.Remove(name);
            else if (name is { FirstPair: { } next, SecondPair: { } second } && next != first)
                AddConflict(key, next, second, conflicts);
        }
    }

    private Name Set(string key, CertificateCell pair, ServingCertificate? certificate, List<NameConflict> conflicts)
    {
        var name = _names.FindOrAdd(key);

        if (name.Set(pair, certificate) is { } other)
            AddConflict(key, pair.Place < other.Place ? pair : other, pair.Place < other.Place ? other : pair, conflicts);
        return name;
    }

    private static void AddConflict(string key, CertificateCell first, CertificateCell other, List<NameConflict> conflicts)
    {
        // The other form of an internationalized name has the same pairs.
        if (Ascii.IsValid(key))
            conflicts.Add(new NameConflict(ServerName.Display(key), first.Name, other.Name));
    }
}
