using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Json.Serialization;
using CertActors.Diagnostics;

namespace CertActors.Server;

/// <summary>The report that <c>check</c> prints.</summary>
internal static class CheckReport
{
    // The report is read by people and scripts, not by browsers: apostrophes need no escape.
    private static readonly CheckJson Readable = new(
        new JsonSerializerOptions(CheckJson.Default.Options) { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping });

    /// <summary>One finding. A failed start prints it in the same form.</summary>
    public static string Line(RejectionReason? rejects, string message) =>
        rejects is { } reason ? $"rejected ({reason}): {message}" : $"warning: {message}";

    public static string Text(CertificateReport report) => string.Concat(Lines(report).Select(line => Printable.Of(line) + Environment.NewLine));

    private static IEnumerable<string> Lines(CertificateReport report)
    {
        yield return report.IsAccepted ? "accepted" : $"rejected ({report.Reason})";
        if (report.Leaf is { } leaf)
        {
            yield return $"leaf      {leaf.Subject}, serial {leaf.SerialNumber}";
            yield return $"names     {(leaf.DnsNames.Count > 0 ? string.Join(", ", leaf.DnsNames) : "none")}";
            yield return $"validity  {leaf.NotBefore:u} to {leaf.NotAfter:u}";
            yield return $"SHA-256   {leaf.Sha256}";
            yield return $"key       {report.Key}";
            foreach (var issuer in report.Chain)
                yield return $"chain     {issuer.Subject}, until {issuer.NotAfter:u}";
        }

        foreach (var file in report.Files)
            yield return $"file      {file.Path}{(file.Size is { } size ? $", {size} bytes" : ", does not exist")}{(file.Mode is { } mode ? $", mode {mode}" : "")}";
        foreach (var finding in report.Findings)
            yield return Line(finding.Reason, finding.Message);
    }

    // The relaxed encoder does not escape format characters.
    public static string Json(CertificateReport report) =>
        Printable.OfJson(JsonSerializer.Serialize(report, Readable.CertificateReport)) + Environment.NewLine;
}

[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase, UseStringEnumConverter = true, WriteIndented = true)]
[JsonSerializable(typeof(CertificateReport))]
internal sealed partial class CheckJson : JsonSerializerContext;
