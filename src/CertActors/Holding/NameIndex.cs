using System.Collections.Concurrent;
using System.Globalization;

namespace CertActors.Holding;

/// <summary>Which pair answers to which server name. Built when the names change, never in a look-up.</summary>
/// <remarks>
/// A pair that is served for the first time is added to the index that is in use: with thousands of them, to build it anew for each would
/// take longer than to load them. Any other change of names is a new index, so that readers see all of it or nothing.
/// </remarks>
internal sealed class NameIndex
{
    private static readonly IdnMapping Idn = new();

    private readonly ConcurrentDictionary<string, CertificateCell> _exact = new(StringComparer.OrdinalIgnoreCase);

    // The key is what follows the star: ".example.com".
    private readonly ConcurrentDictionary<string, CertificateCell> _wildcards = new(StringComparer.OrdinalIgnoreCase);
    private readonly ConcurrentDictionary<string, CertificateCell>.AlternateLookup<ReadOnlySpan<char>> _exactBySpan;
    private readonly ConcurrentDictionary<string, CertificateCell>.AlternateLookup<ReadOnlySpan<char>> _wildcardsBySpan;

    public NameIndex(IEnumerable<CertificateCell> cells)
    {
        _exactBySpan = _exact.GetAlternateLookup<ReadOnlySpan<char>>();
        _wildcardsBySpan = _wildcards.GetAlternateLookup<ReadOnlySpan<char>>();
        foreach (var cell in cells)
            Add(cell);
    }

    /// <summary>Adds what a pair is served for. Of two with one name, the earlier in the options has it.</summary>
    public void Add(CertificateCell cell)
    {
        foreach (var name in cell.Serving?.Facts.DnsNames ?? [])
            Add(name.TrimEnd('.'), cell);
    }

    public CertificateCell? Find(ReadOnlySpan<char> serverName)
    {
        serverName = serverName.TrimEnd('.');
        if (_exactBySpan.TryGetValue(serverName, out var cell))
            return cell;

        var dot = serverName.IndexOf('.');
        return dot > 0 && _wildcardsBySpan.TryGetValue(serverName[dot..], out cell) ? cell : null;
    }

    private void Add(string name, CertificateCell cell)
    {
        var (index, key) = name.StartsWith("*.", StringComparison.Ordinal) ? (_wildcards, name[1..]) : (_exact, name);
        Put(index, key, cell);

        // SslStream hands the server name over decoded: the A-labels of the certificate (RFC 5890) come as Unicode.
        if (Unicode(key) is { } decoded)
            Put(index, decoded, cell);
    }

    private static void Put(ConcurrentDictionary<string, CertificateCell> index, string name, CertificateCell cell)
    {
        if (!index.TryGetValue(name, out var known) || cell.Place < known.Place)
            index[name] = cell;
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
            return null; // Not a valid A-label: nobody can ask for it in Unicode.
        }
    }
}
