using System.Text;
using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Json.Serialization;

namespace CertActors.Server;

/// <summary>What <c>check</c> says of a pair.</summary>
internal static class CheckReport
{
    // Apostrophes as they are: it's read by people and scripts, not by browsers.
    private static readonly CheckJson Readable = new(
        new JsonSerializerOptions(CheckJson.Default.Options) { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping });

    /// <summary>One finding, in the words that a failed start has for it, too.</summary>
    public static string Line(RejectionReason? rejects, string message) =>
        rejects is { } reason ? $"rejected ({reason}): {message}" : $"warning: {message}";

    public static string Text(CertificateReport report)
    {
        var text = new StringBuilder();
        text.AppendLine(report.IsAccepted ? "accepted" : $"rejected ({report.Reason})");
        if (report.Leaf is { } leaf)
        {
            text.AppendLine($"leaf      {leaf.Subject}, serial {leaf.SerialNumber}");
            text.AppendLine($"names     {(leaf.DnsNames.Count > 0 ? string.Join(", ", leaf.DnsNames) : "none")}");
            text.AppendLine($"validity  {leaf.NotBefore:u} to {leaf.NotAfter:u}");
            text.AppendLine($"SHA-256   {leaf.Sha256}");
            text.AppendLine($"key       {report.Key}");
            foreach (var issuer in report.Chain)
                text.AppendLine($"chain     {issuer.Subject}, until {issuer.NotAfter:u}");
        }

        foreach (var file in report.Files)
            text.AppendLine($"file      {file.Path}{(file.Size is { } size ? $", {size} bytes" : ", not there")}{(file.Mode is { } mode ? $", mode {mode}" : "")}");
        foreach (var finding in report.Findings)
            text.AppendLine(Line(finding.Rejects, finding.Message));
        return text.ToString();
    }

    public static string Json(CertificateReport report) => JsonSerializer.Serialize(report, Readable.CertificateReport) + Environment.NewLine;
}

[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase, UseStringEnumConverter = true, WriteIndented = true)]
[JsonSerializable(typeof(CertificateReport))]
internal sealed partial class CheckJson : JsonSerializerContext;
