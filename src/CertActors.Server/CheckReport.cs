using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Json.Serialization;
using CertActors.Diagnostics;

namespace CertActors.Server;

/// <summary>The report that <c>check</c> prints.</summary>
internal sealed class CheckReport(CertificateReport report, bool isStrict)
{
    private const string Red = "\e[31m", Green = "\e[32m", Yellow = "\e[33m", Reset = "\e[0m"; // ECMA-48, 8.3.117

    // The report is read by people and scripts, not by browsers: apostrophes need no escape.
    private static readonly CheckJson Readable = new(
        new JsonSerializerOptions(CheckJson.Default.Options) { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping });

    /// <summary>Whether the pair is accepted; with <c>--strict</c>, only without a warning.</summary>
    public bool IsAccepted => report.IsAccepted && (!isStrict || report.Findings.Count == 0);

    /// <summary>One finding. A failed start prints it in the same form.</summary>
    public static string Line(RejectionReason? rejects, string message) => $"{Kind(rejects)}: {message}";

    /// <param name="isColored">Whether the verdict and the kind of each finding have a colour.</param>
    public string Text(bool isColored) => string.Concat(Lines().Select(line => Colored(line, isColored) + Environment.NewLine));

    public string Json()
    {
        var json = JsonSerializer.SerializeToNode(report, Readable.CertificateReport)!;
        json["isAccepted"] = IsAccepted;

        // The relaxed encoder does not escape format characters.
        return Printable.OfJson(json.ToJsonString(Readable.Options)) + Environment.NewLine;
    }

    private static string Kind(RejectionReason? rejects) => rejects is { } reason ? $"rejected ({reason})" : "warning";

    // What is outside is escaped first: a colour is the only escape sequence.
    private static string Colored((string? Color, string Head, string Text) line, bool isColored) =>
        (isColored && line.Color is { } color ? $"{color}{line.Head}{Reset}" : line.Head) + Printable.Of(line.Text);

    private IEnumerable<(string? Color, string Head, string Text)> Lines()
    {
        yield return IsAccepted ? (Green, "accepted", "") : (Red, "rejected", report.IsAccepted ? ", as --strict allows no warnings" : "");
        foreach (var (name, value) in Facts())
            yield return (null, $"{name,-10}", value);
        foreach (var finding in report.Findings)
            yield return (finding.Reason is null ? Yellow : Red, Kind(finding.Reason), $": {finding.Message}");
    }

    private IEnumerable<(string Name, string Value)> Facts()
    {
        if (report.Leaf is { } leaf)
        {
            string[] names = [.. leaf.DnsNames, .. leaf.IPAddresses, .. report.OtherNames];
            yield return ("leaf", $"{leaf.Subject}, serial {leaf.SerialNumber}");
            yield return ("issuer", leaf.Issuer);
            yield return ("names", names.Length > 0 ? string.Join(", ", names) : "none");
            yield return ("validity", $"{leaf.NotBefore:u} to {leaf.NotAfter:u}, {Remaining(report.DaysLeft!.Value)}");
            yield return ("SHA-256", leaf.Sha256);
            yield return ("key", report.Key!);
            foreach (var issuer in report.Chain)
                yield return ("chain", $"{issuer.Subject}, until {issuer.NotAfter:u}");
            yield return ("anchor", $"{report.TrustAnchor}, which clients must trust");
        }

        foreach (var file in report.Files)
            yield return ("file", $"{file.Path}{(file.Size is { } size ? $", {size} bytes" : ", does not exist")}{(file.Mode is { } mode ? $", mode {mode}" : "")}");
    }

    private static string Remaining(int days) => days switch
    {
        < 0 => "expired",
        1 => "1 day left",
        _ => $"{days} days left",
    };
}

[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase, UseStringEnumConverter = true, WriteIndented = true)]
[JsonSerializable(typeof(CertificateReport))]
internal sealed partial class CheckJson : JsonSerializerContext;
