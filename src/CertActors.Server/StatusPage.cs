using System.Text.Json.Serialization;

namespace CertActors.Server;

/// <summary>The JSON of <c>GET /status</c>.</summary>
internal sealed record StatusPage(IReadOnlyList<StatusPage.Certificate> Certificates)
{
    internal sealed record Certificate(
        string Name,
        long Generation,
        string? Sha256,
        string? SerialNumber,
        string? Subject,
        IReadOnlyList<string> DnsNames,
        DateTime? NotBefore,
        DateTime? NotAfter,
        WatchMode WatchMode,
        bool LoadStuck,
        LoadCounts Loads,
        Change? LastChange,
        Failure? LastFailure);

    internal sealed record Change(DateTime At, ReloadReason Reason);

    internal sealed record Failure(DateTime At, RejectionReason Reason, string Message);

    public static IResult Of(CertificateSupervisorStatus status) =>
        TypedResults.Json(new StatusPage([.. status.Certificates.Select(Of)]), StatusJson.Default.StatusPage);

    private static Certificate Of(CertificateStatus pair)
    {
        var facts = pair.LastChange?.Current;
        return new Certificate(
            pair.Name,
            pair.LastChange?.Generation ?? 0,
            facts?.Sha256,
            facts?.SerialNumber,
            facts?.Subject,
            facts?.DnsNames ?? [],
            facts?.NotBefore.UtcDateTime,
            facts?.NotAfter.UtcDateTime,
            pair.WatchMode,
            pair.LoadStuck,
            pair.Loads,
            pair.LastChange is { } change ? new Change(change.At.UtcDateTime, change.Reason) : null,
            pair.LastFailure is { } failure ? new Failure(failure.At.UtcDateTime, failure.Reason, failure.Message) : null);
    }
}

[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase, UseStringEnumConverter = true)]
[JsonSerializable(typeof(StatusPage))]
internal sealed partial class StatusJson : JsonSerializerContext;
