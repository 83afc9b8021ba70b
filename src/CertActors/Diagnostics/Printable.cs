using System.Globalization;
using System.Text;

namespace CertActors.Diagnostics;

/// <summary>
/// Escapes text from outside for a terminal and for a log with one entry a line: the names in a certificate and the names of directory entries may
/// hold escape sequences, line breaks and marks that change the direction of reading (CWE-117, CWE-150).
/// </summary>
internal static class Printable
{
    /// <returns>The text with each control, format and separator character, and each half of a surrogate pair, as <c>\u{1B}</c>. Letters of all scripts stay.</returns>
    public static string Of(string text)
    {
        var written = new StringBuilder(text.Length);
        for (var rest = text.AsSpan(); !rest.IsEmpty;)
        {
            var isWhole = Rune.DecodeFromUtf16(rest, out var rune, out var length) == System.Buffers.OperationStatus.Done;
            if (isWhole && !IsUnprintable(rune))
                written.Append(rest[..length]);
            else
                written.Append(CultureInfo.InvariantCulture, $"\\u{{{(isWhole ? rune.Value : rest[0]):X}}}");
            rest = rest[length..];
        }

        return written.ToString();
    }

    /// <returns>The JSON with the same characters in its strings escaped as JSON does (RFC 8259, 7). What is between the strings stays.</returns>
    public static string OfJson(string json)
    {
        var written = new StringBuilder(json.Length);
        foreach (var rune in json.EnumerateRunes())
        {
            if (!IsUnprintable(rune) || rune.Value is '\n' or '\r')
            {
                written.Append(rune);
                continue;
            }

            foreach (var half in rune.ToString())
                written.Append(CultureInfo.InvariantCulture, $"\\u{(int)half:X4}");
        }

        return written.ToString();
    }

    private static bool IsUnprintable(Rune rune) => Rune.GetUnicodeCategory(rune)
        is UnicodeCategory.Control or UnicodeCategory.Format or UnicodeCategory.LineSeparator or UnicodeCategory.ParagraphSeparator;
}
