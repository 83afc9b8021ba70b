using System.Collections.Concurrent;
using System.Globalization;

namespace CertActors.Holding;

/// <summary>Which certificate answers to which server name. Of two pairs with one name, the earlier in the options has it.</summary>
/// <remarks>
/// It is written as part of each swap: a name leads to the certificate itself, and its entry is replaced whole. A look-up takes no lock, and at no
/// moment gets the certificate of a pair that doesn't have the name while another pair has it. Writers, of which several may swap at a time, take turns.
/// </remarks>
internal sealed class NameIndex
{
    private static readonly IdnMapping Idn = new();

    private readonly Lock _writing = new();

    // For each name the pairs that have it, in the order of the options: the first answers. The key of a wildcard is what follows the star: ".example.com".
    private readonly ConcurrentDictionary<string, Candidate[]> _candidates = new(StringComparer.OrdinalIgnoreCase);
    private readonly ConcurrentDictionary<string, Candidate[]>.AlternateLookup<ReadOnlySpan<char>> _candidatesBySpan;

    public NameIndex(IEnumerable<CertificateCell> cells)
    {
        _candidatesBySpan = _candidates.GetAlternateLookup<ReadOnlySpan<char>>();
        foreach (var cell in cells)
        {
            if (cell.Serving is { } serving)
                Swap(cell.Place, previous: null, serving);
        }
    }

    /// <summary>A pair's certificate, and the pair's place in the options, which also tells it from the other pairs.</summary>
    private readonly record struct Candidate(int Place, ServingCertificate Certificate);

    /// <summary>Lets a pair's names lead to its next certificate. Those that it no longer has go to the next pair that has them.</summary>
    public void Swap(int place, ServingCertificate? previous, ServingCertificate next)
    {
        var names = KeysOf(next);
        var lost = previous is null ? [] : KeysOf(previous);
        lost.ExceptWith(names);
        lock (_writing)
        {
            foreach (var name in names)
                _candidates[name] = [.. OthersFor(name, place).Append(new Candidate(place, next)).OrderBy(candidate => candidate.Place)];
            foreach (var name in lost)
            {
                if (OthersFor(name, place).ToArray() is { Length: > 0 } others)
                    _candidates[name] = others;
                else
                    _candidates.TryRemove(name, out _);
            }
        }
    }

    public ServingCertificate? Find(ReadOnlySpan<char> serverName)
    {
        serverName = serverName.TrimEnd('.');
        var dot = serverName.IndexOf('.');
        if (dot == 0)
            return null; // No host name, but what the key of a wildcard looks like.

        return _candidatesBySpan.TryGetValue(serverName, out var candidates) || (dot > 0 && _candidatesBySpan.TryGetValue(serverName[dot..], out candidates))
            ? candidates[0].Certificate
            : null;
    }

    private IEnumerable<Candidate> OthersFor(string name, int place) =>
        _candidates.TryGetValue(name, out var candidates) ? candidates.Where(candidate => candidate.Place != place) : [];

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
}
