using System.Collections.Concurrent;
using System.Globalization;

namespace CertActors.Holding;

/// <summary>Which certificate answers to which server name. Of two pairs with one name, the earlier in the options has it.</summary>
/// <remarks>
/// It is written as part of each swap: a name leads to the certificate itself. A look-up takes no lock, and at no moment gets the certificate of a
/// pair that does not have the name while another pair has it. Several pairs may be swapped at the same time; their writers take turns.
/// </remarks>
internal sealed class NameIndex
{
    private static readonly IdnMapping Idn = new();

    private readonly Lock _writing = new();

    // The key of a wildcard is what follows the star: ".example.com".
    private readonly ConcurrentDictionary<string, Name> _names = new(StringComparer.OrdinalIgnoreCase);
    private readonly ConcurrentDictionary<string, Name>.AlternateLookup<ReadOnlySpan<char>> _namesBySpan;

    public NameIndex(IEnumerable<CertificateCell> cells)
    {
        _namesBySpan = _names.GetAlternateLookup<ReadOnlySpan<char>>();
        foreach (var cell in cells)
        {
            if (cell.Serving is { } serving)
                Swap(cell.Place, previous: null, serving);
        }
    }

    /// <summary>Lets a pair's names lead to its next certificate. Those that it no longer has go to the next pair that has them.</summary>
    /// <param name="place">The pair's place in the options, which identifies the pair.</param>
    /// <param name="previous">The pair's certificate until now; null if there is none.</param>
    /// <param name="next">The pair's certificate from now on.</param>
    public void Swap(int place, ServingCertificate? previous, ServingCertificate next)
    {
        var keys = KeysOf(next);
        var lost = previous is null ? [] : KeysOf(previous);
        lost.ExceptWith(keys);
        lock (_writing)
        {
            foreach (var key in keys)
            {
                if (_names.TryGetValue(key, out var name))
                    name.Set(place, next);
                else
                    _names[key] = new Name(place, next);
            }

            Remove(place, lost);
        }
    }

    private void Remove(int place, HashSet<string> keys)
    {
        foreach (var key in keys)
        {
            if (_names.TryGetValue(key, out var name) && name.Remove(place))
                _names.TryRemove(key, out _);
        }
    }

    /// <summary>Takes the names of a pair away. Those that other pairs have go to the next of these.</summary>
    public void Remove(int place, ServingCertificate last)
    {
        lock (_writing)
            Remove(place, KeysOf(last));
    }

    public ServingCertificate? Find(ReadOnlySpan<char> serverName)
    {
        serverName = serverName.TrimEnd('.');
        var dot = serverName.IndexOf('.');
        if (dot == 0)
            return null; // Not a host name, but the form of a wildcard's key.

        return _namesBySpan.TryGetValue(serverName, out var name) || (dot > 0 && _namesBySpan.TryGetValue(serverName[dot..], out name))
            ? name.First
            : null;
    }

    private static HashSet<string> KeysOf(ServingCertificate certificate)
    {
        var keys = new HashSet<string>(StringComparer.OrdinalIgnoreCase);
        foreach (var name in certificate.Facts.DnsNames)
        {
            var whole = name.TrimEnd('.');
            if (whole.Length == 0 || whole[0] == '.')
                continue;

            var key = whole.StartsWith("*.", StringComparison.Ordinal) ? whole[1..] : whole;
            keys.Add(key);

            // SslStream decodes the server name: the A-labels of the certificate (RFC 5890) arrive as Unicode.
            if (Unicode(key) is { } decoded)
                keys.Add(decoded);
        }

        return keys;
    }

    private static string? Unicode(string name)
    {
        if (!name.Contains("xn--", StringComparison.OrdinalIgnoreCase))
            return null;
        try
        {
            return name[0] == '.' ? "." + Idn.GetUnicode(name[1..]) : Idn.GetUnicode(name);
        }
        catch (ArgumentException)
        {
            return null; // Not a valid A-label: no client can send it in Unicode.
        }
    }

    /// <summary>The pairs that have a name, of which thousands may share one. Written under the index's lock.</summary>
    private sealed class Name
    {
        private readonly SortedList<int, ServingCertificate> _byPlace = new(capacity: 1);
        private volatile ServingCertificate _first;

        public Name(int place, ServingCertificate certificate)
        {
            _byPlace.Add(place, certificate);
            _first = certificate;
        }

        /// <summary>The certificate of the first pair in the options that has the name.</summary>
        public ServingCertificate First => _first;

        public void Set(int place, ServingCertificate certificate)
        {
            _byPlace[place] = certificate;
            _first = _byPlace.GetValueAtIndex(0);
        }

        /// <returns>Whether no pair has the name any more. The last certificate stays for look-ups that have found the name before.</returns>
        public bool Remove(int place)
        {
            _byPlace.Remove(place);
            if (_byPlace.Count == 0)
                return true;
            _first = _byPlace.GetValueAtIndex(0);
            return false;
        }
    }
}
