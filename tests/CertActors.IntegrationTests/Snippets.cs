using System.Text.RegularExpressions;

namespace CertActors.IntegrationTests;

/// <summary>Turns the snippets of a README (fences with <c>csharp</c>) into files that compile as far as the snippets do.</summary>
/// <remarks>
/// A snippet that begins with usings is complete, but for <see cref="Given"/>. One without usings goes on from the one before it, and has those of that
/// one. A snippet that declares a public type is a file; any other is the body of a method.
/// </remarks>
internal static class Snippets
{
    /// <summary>What a reader has already, as members that a snippet may hide by variables of its own.</summary>
    public const string Given =
        """
        public abstract class Given
        {
            protected static readonly string[] args = [];
            protected static readonly CertActors.CertificateHolder holder = new();
            protected static readonly System.Net.Security.SslStream tls = new(System.IO.Stream.Null);
        #if IS_WEB
            protected static readonly WebApplicationBuilder builder = WebApplication.CreateBuilder();
            protected static readonly IServiceCollection services = builder.Services;
        #endif
        }
        """;

    /// <summary>Writes each snippet of a README to a file of a folder.</summary>
    /// <returns>How many there are.</returns>
    public static int Write(string readme, string folder)
    {
        const string open = "```csharp", close = "```";
        var lines = File.ReadAllLines(readme);
        var (count, usings) = (0, Array.Empty<string>());
        for (var start = 0; start < lines.Length; start++)
        {
            if (lines[start].Trim() != open)
                continue;
            var end = Array.FindIndex(lines, start, line => line.Trim() == close);
            var code = lines[(start + 1)..end];
            var body = Array.FindIndex(code, line => !IsUsing(line));
            if (body > 0)
                usings = code[..body];
            var name = Regex.Replace($"{Path.GetFileName(Path.GetDirectoryName(readme))}_{start + 1}", "[^A-Za-z0-9]", "_");
            File.WriteAllLines(Path.Combine(folder, $"{name}.cs"), [.. usings, $"namespace Snippets.Of_{name};", .. Wrap(code[body..], readme, start + 2 + body)]);
            (count, start) = (count + 1, end);
        }

        return count;
    }

    private static bool IsUsing(string line) => Regex.IsMatch(line, "^using [A-Z][A-Za-z0-9.]*;");

    // Errors are reported where the README has them.
    private static string[] Wrap(string[] code, string readme, int line)
    {
        string[] body = [$"#line {line} \"{readme}\"", .. code, "#line default"];
        return Array.Exists(code, part => part.StartsWith("public ", StringComparison.Ordinal))
            ? body
            : ["sealed class Snippet : Given { static async Task Run() {", .. body, "await Task.Yield(); } }"];
    }
}
