using System.Collections;
using System.Reflection;
using System.Text;

namespace CertActors.Tests.Support;

/// <summary>Looks for secrets in all that an object holds or says.</summary>
internal static class Walk
{
    private const BindingFlags All = BindingFlags.Instance | BindingFlags.Public | BindingFlags.NonPublic;

    /// <returns>Where any of the secrets was found; empty if nowhere.</returns>
    public static IReadOnlyList<string> Find(object root, IReadOnlyCollection<byte[]> secrets)
    {
        List<string> found = [];
        var seen = new HashSet<object>(ReferenceEqualityComparer.Instance);
        var forms = secrets.SelectMany(FormsOf).ToArray();
        Visit(root, root.GetType().Name);
        return found;

        void Visit(object? value, string path)
        {
            if (value is null || value.GetType() is { IsPrimitive: true } or { IsEnum: true } || value is MemberInfo or Delegate || path.Length > 500 || !seen.Add(value))
                return;
            Look(value as string ?? value.ToString(), path);
            if (value is byte[] bytes)
                Look(Encoding.Latin1.GetString(bytes), path);
            if (value is char[] characters)
                Look(new string(characters), path);
            if (value is string or byte[] or char[])
                return;

            if (value is IEnumerable many)
            {
                var i = 0;
                foreach (var each in many)
                    Visit(each, $"{path}[{i++}]");
            }

            // What Akka itself holds is other people's business.
            for (var type = value.GetType(); type is not null && type.Namespace?.StartsWith("Akka", StringComparison.Ordinal) is not true; type = type.BaseType)
            {
                foreach (var field in type.GetFields(All | BindingFlags.DeclaredOnly))
                {
                    if (!field.FieldType.IsPointer && !field.FieldType.IsByRefLike)
                        Visit(field.GetValue(value), $"{path}.{field.Name}");
                }
            }
        }

        void Look(string? text, string path)
        {
            if (text is null)
                return;

            // PEM has line breaks, which may be anywhere.
            var unbroken = string.Concat(text.Where(character => !char.IsWhiteSpace(character)));
            if (Array.Exists(forms, form => unbroken.Contains(form, StringComparison.OrdinalIgnoreCase)))
                found.Add($"{path}: {text[..Math.Min(text.Length, 200)]}");
        }
    }

    /// <summary>As text, in hexadecimal digits, and as any base64 that it's in the midst of.</summary>
    private static IEnumerable<string> FormsOf(byte[] secret)
    {
        yield return Encoding.Latin1.GetString(secret);
        yield return Convert.ToHexString(secret);
        yield return BitConverter.ToString(secret);
        for (var before = 0; before < 3; before++)
        {
            // The characters that depend on the secret alone, from the second group of three bytes on.
            var encoded = Convert.ToBase64String([.. new byte[before], .. secret]);
            yield return encoded[4..20];
        }
    }
}
