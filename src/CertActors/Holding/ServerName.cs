using System.Globalization;
using System.Text;

namespace CertActors.Holding;

/// <summary>The server names of pairs and of clients, in the form in which they are compared: the keys of the index.</summary>
/// <remarks>
/// A key has no root dot. That of a wildcard is what follows its star: <c>.example.com</c>. An internationalized name has two keys, with A-labels and
/// with U-labels (RFC 5890), as SslStream decodes the A-labels that clients send. Keys are compared without regard to case.
/// </remarks>
internal static class ServerName
{
    private const string WildcardLabel = "*";
    private const string ALabelPrefix = "xn--";

    private static readonly IdnMapping Idn = new();

    /// <returns>The keys of a pair's names. A name that no client can send has none.</returns>
    public static HashSet<string> KeysOf(IEnumerable<string> names)
    {
        var keys = new HashSet<string>(StringComparer.OrdinalIgnoreCase);
        foreach (var name in names)
        {
            var whole = WithoutRoot(name).ToString();
            var isWildcard = whole.StartsWith(WildcardLabel + ".", StringComparison.Ordinal);
            var host = isWildcard ? whole[2..] : whole;
            if (host.Length == 0 || host[0] == '.' || IsAddress(host))
                continue;

            foreach (var form in Forms(host))
                keys.Add(isWildcard ? "." + form : form);
        }

        return keys;
    }

    /// <returns>The keys that a client's name may match: its own, and that of a wildcard for its first label (RFC 9525, 6.3).</returns>
    public static IEnumerable<string> KeysFor(string serverName)
    {
        var exact = WithoutRoot(serverName).ToString();
        return WildcardKey(exact) is { IsEmpty: false } wildcard ? [exact, wildcard.ToString()] : [exact];
    }

    public static ReadOnlySpan<char> WithoutRoot(ReadOnlySpan<char> name) => name is [.. var rest, '.'] ? rest : name;

    /// <returns>The key of the wildcard for the first label of a name; empty if the name has one label.</returns>
    public static ReadOnlySpan<char> WildcardKey(ReadOnlySpan<char> name) => name.IndexOf('.') is > 0 and var dot ? name[dot..] : [];

    /// <returns>The name, as a certificate has it.</returns>
    public static string Display(string key) => key[0] == '.' ? WildcardLabel + key : key;

    // Clients don't send addresses as names (RFC 6066, 3). A last label of digits makes a name an address for those that do.
    private static bool IsAddress(string host) =>
        host.Contains(':', StringComparison.Ordinal) || host[(host.LastIndexOf('.') + 1)..].All(char.IsAsciiDigit);

    private static IEnumerable<string> Forms(string host)
    {
        yield return host;
        if (!Ascii.IsValid(host))
        {
            if (Convert(host, Idn.GetAscii) is not { } ascii)
                yield break;
            yield return ascii;
            host = ascii;
        }

        if (host.Contains(ALabelPrefix, StringComparison.OrdinalIgnoreCase) && Convert(host, Idn.GetUnicode) is { } unicode)
            yield return unicode;
    }

    // Null for a name that is not valid (RFC 5891): no client can send it in the other form.
    private static string? Convert(string host, Func<string, string> conversion)
    {
        try
        {
            return conversion(host);
        }
        catch (ArgumentException)
        {
            return null;
        }
    }
}
