using System.Globalization;

namespace CertActors.Holding;

/// <summary>Which pair answers to which server name. Built when the names change, never in a look-up.</summary>
internal sealed class NameIndex
{
    public static readonly NameIndex Empty = new([]);

    private static readonly IdnMapping Idn = new();

    private readonly Dictionary<string, CertificateCell> _exact = new(StringComparer.OrdinalIgnoreCase);

    // The key is what follows the star: ".example.com".
    private readonly Dictionary<string, CertificateCell> _wildcards = new(StringComparer.OrdinalIgnoreCase);
    private readonly Dictionary<string, CertificateCell>.AlternateLookup<ReadOnlySpan<char>> _exactBySpan;
    private readonly Dictionary<string, CertificateCell>.AlternateLookup<ReadOnlySpan<char>> _wildcardsBySpan;

    private NameIndex(IEnumerable<CertificateCell> cells)
    {
        _exactBySpan = _exact.GetAlternateLookup<ReadOnlySpan<char>>();
        _wildcardsBySpan = _wildcards.GetAlternateLookup<ReadOnlySpan<char>>();
        foreach (var cell in cells)
        {
            foreach (var name in cell.Serving?.Facts.DnsNames ?? [])
                Add(name.TrimEnd('.'), cell);
        }
    }

    public static NameIndex Of(IEnumerable<CertificateCell> cells) => new(cells);

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
        index.TryAdd(key, cell);

        // SslStream hands the server name over decoded: the A-labels of the certificate (RFC 5890) come as Unicode.
        if (Unicode(key) is { } decoded)
            index.TryAdd(decoded, cell);
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
