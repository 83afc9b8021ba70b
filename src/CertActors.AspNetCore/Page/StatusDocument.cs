using System.Text.Json.Serialization;

namespace CertActors.AspNetCore.Page;

/// <summary>The JSON of <see cref="CertificatePageExtensions.MapCertificates"/>: the supervisor's status, with public facts only. All times are UTC.</summary>
internal sealed record StatusDocument(
    DateTime At,
    IReadOnlyList<StatusDocument.Certificate> Certificates,
    IReadOnlyList<StatusDocument.TrustBundle> TrustBundles,
    IReadOnlyList<StatusDocument.Event> Recent)
{
    /// <remarks>The generation is 0 before the first load.</remarks>
    internal sealed record Certificate(
        string Name,
        long Generation,
        string? Sha256,
        string? SerialNumber,
        string? Subject,
        string? Issuer,
        IReadOnlyList<string> DnsNames,
        IReadOnlyList<string> IpAddresses,
        DateTime? NotBefore,
        DateTime? NotAfter,
        WatchMode WatchMode,
        bool LoadStuck,
        LoadCounts Loads,
        Change? LastChange,
        Failure? LastFailure,
        IReadOnlyList<Connections> Connections);

    internal sealed record TrustBundle(
        string Name,
        long Generation,
        IReadOnlyList<Authority> Authorities,
        IReadOnlyList<RevocationList> RevocationLists,
        WatchMode WatchMode,
        bool LoadStuck,
        LoadCounts Loads,
        Change? LastChange,
        Failure? LastFailure,
        IReadOnlyList<Refusals> Refused);

    internal sealed record Authority(string Sha256, string Subject, DateTime NotBefore, DateTime NotAfter);

    internal sealed record RevocationList(string Issuer, DateTime ThisUpdate, DateTime? NextUpdate, int Count);

    internal sealed record Change(DateTime At, ReloadReason Reason);

    internal sealed record Failure(DateTime At, RejectionReason Reason, string Message);

    internal sealed record Connections(long Generation, int Open, DateTime? SupersededAt);

    internal sealed record Refusals(TrustRefusal Refusal, long Count);

    internal sealed record Event(DateTime At, string Name, EventKind Kind, string Message);

    public static StatusDocument Of(CertificateSupervisorStatus status, DateTimeOffset now) => new(
        now.UtcDateTime,
        [.. status.Certificates.Select(Of)],
        [.. status.TrustBundles.Select(Of)],
        [.. status.Recent.Select(EventText.Of)]);

    private static Certificate Of(CertificateStatus pair)
    {
        var facts = pair.LastChange?.Current;
        return new Certificate(
            pair.Name,
            pair.LastChange?.Generation ?? 0,
            facts?.Sha256,
            facts?.SerialNumber,
            facts?.Subject,
            facts?.Issuer,
            facts?.DnsNames ?? [],
            facts?.IPAddresses ?? [],
            facts?.NotBefore.UtcDateTime,
            facts?.NotAfter.UtcDateTime,
            pair.WatchMode,
            pair.LoadStuck,
            pair.Loads,
            Of(pair.LastChange),
            Of(pair.LastFailure),
            [.. pair.Connections.Select(open => new Connections(open.Generation, open.Open, open.SupersededAt?.UtcDateTime))]);
    }

    private static TrustBundle Of(TrustBundleStatus bundle) => new(
        bundle.Name,
        bundle.LastChange?.Generation ?? 0,
        [.. (bundle.LastChange?.Authorities ?? []).Select(facts => new Authority(facts.Sha256, facts.Subject, facts.NotBefore.UtcDateTime, facts.NotAfter.UtcDateTime))],
        [.. (bundle.LastChange?.RevocationLists ?? []).Select(list => new RevocationList(list.Issuer, list.ThisUpdate.UtcDateTime, list.NextUpdate?.UtcDateTime, list.Count))],
        bundle.WatchMode,
        bundle.LoadStuck,
        bundle.Loads,
        Of(bundle.LastChange),
        Of(bundle.LastFailure),
        [.. bundle.Refused.Select(refused => new Refusals(refused.Refusal, refused.Count))]);

    private static Change? Of(GenerationChanged? change) => change is null ? null : new Change(change.At.UtcDateTime, change.Reason);

    private static Failure? Of(ReloadFailed? failure) => failure is null ? null : new Failure(failure.At.UtcDateTime, failure.Reason, failure.Message);
}

[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase, UseStringEnumConverter = true)]
[JsonSerializable(typeof(StatusDocument))]
internal sealed partial class StatusJson : JsonSerializerContext;
