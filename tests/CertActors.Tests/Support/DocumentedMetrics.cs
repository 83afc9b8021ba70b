using System.Runtime.CompilerServices;

namespace CertActors.Tests.Support;

/// <summary>A row of the table of metrics in README.md.</summary>
internal sealed record DocumentedMetric(string Name, string Instrument, string Unit, IReadOnlyList<string> Attributes)
{
    public override string ToString() => string.Join(" | ", Name, Instrument, Unit, string.Join(", ", Attributes));
}

/// <summary>The table of metrics in README.md.</summary>
internal static class DocumentedMetrics
{
    // The table leaves it out, as all observable instruments have it.
    private const string Supervisor = "certactors.supervisor";

    public static IReadOnlyList<DocumentedMetric> Read() =>
    [
        .. from line in File.ReadLines(Path.Combine(Here(), "../../../README.md"))
           where line.StartsWith("| `certactors.", StringComparison.Ordinal)
           let cells = line.Split('|').Select(cell => cell.Trim().Replace("`", "")).ToArray()
           let instrument = cells[2]
           let attributes = cells[4].Split(',', StringSplitOptions.TrimEntries | StringSplitOptions.RemoveEmptyEntries)
           select new DocumentedMetric(
               cells[1], instrument, cells[3], [.. attributes.Concat(instrument.StartsWith("Observable", StringComparison.Ordinal) ? [Supervisor] : []).Order()]),
    ];

    private static string Here([CallerFilePath] string path = "") => Path.GetDirectoryName(path)!;
}
