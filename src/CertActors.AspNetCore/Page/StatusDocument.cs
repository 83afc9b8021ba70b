using System.Text.Json.Serialization;

namespace CertActors.AspNetCore.Page;

/// <summary>The JSON of <see cref="CertificatePageExtensions.MapCertificates"/>: the supervisor's status, with public facts only. All times are UTC.</summary>
internal sealed record StatusDocument(
    DateTime At,
    IReadOnlyList<StatusDocument.Certificate> Certificates,
    IReadOnlyList<StatusDocument.TrustBundle> TrustBundles,
    IReadOnlyList<StatusDocument.RemovedCertificate> Removed,
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
        IReadOnlyList<Authority> Chain,
        WatchMode WatchMode,
        DateTime? WatchModeSince,
        string? WatchModeMessage,
        bool LoadStuck,
        DateTime? LoadStuckSince,
        LoadCounts Loads,
        DateTime? LastCheck,
        Change? LastChange,
        Failure? LastFailure,
        IReadOnlyList<Connections> Connections);

    /// <summary>A pair that was removed and is still in use. The generation is that which is served as the default; null if none is.</summary>
    internal sealed record RemovedCertificate(
        string Name, long? Generation, string? Sha256, string? Subject, DateTime? NotBefore, DateTime? NotAfter, IReadOnlyList<Connections> Connections);

    internal sealed record TrustBundle(
        string Name,
        long Generation,
        IReadOnlyList<Authority> Authorities,
        IReadOnlyList<RevocationList> RevocationLists,
        WatchMode WatchMode,
        DateTime? WatchModeSince,
        string? WatchModeMessage,
        bool LoadStuck,
        DateTime? LoadStuckSince,
        LoadCounts Loads,
        DateTime? LastCheck,
        Change? LastChange,
        Failure? LastFailure,
        IReadOnlyList<Acceptances> Accepted,
        IReadOnlyList<Refusals> Refused);

    internal sealed record Authority(string Sha256, string Subject, DateTime NotBefore, DateTime NotAfter);

    internal sealed record RevocationList(string Issuer, DateTime ThisUpdate, DateTime? NextUpdate, int Count);

    internal sealed record Change(DateTime At, ReloadReason Reason);

    internal sealed record Failure(DateTime At, RejectionReason Reason, string Message);

    internal sealed record Connections(long Generation, int Open, DateTime? SupersededAt);

    /// <summary>The peers that lead to one authority, and of those that were seen within a day, the ten whose certificates expire first.</summary>
    internal sealed record Acceptances(
        string Sha256, string Subject, DateTime Since, long Handshakes, DateTime? LastSeen, IReadOnlyList<Peer> SoonestToExpire);

    internal sealed record Peer(string Subject, DateTime NotAfter, DateTime LastSeen);

    internal sealed record Refusals(TrustRefusal Refusal, long Count);

    internal sealed record Event(DateTime At, string Name, EventKind Kind, string Message);

    public static StatusDocument Of(CertificateSupervisorStatus status, DateTimeOffset now) => new(
        now.UtcDateTime,
        [.. status.Certificates.Select(Of)],
        [.. status.TrustBundles.Select(Of)],
        [.. status.Removed.Select(Of)],
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
            [.. (pair.LastChange?.Chain ?? []).Select(Of)],
            pair.WatchMode,
            pair.WatchModeSince?.UtcDateTime,
            pair.WatchModeMessage,
            pair.LoadStuck,
            pair.LoadStuckSince?.UtcDateTime,
            pair.Loads,
            pair.LastCheck?.UtcDateTime,
            Of(pair.LastChange),
            Of(pair.LastFailure),
            Of(pair.Connections));
    }

    private static RemovedCertificate Of(RemovedCertificateStatus removed)
    {
        var facts = removed.Served?.Current;
        return new RemovedCertificate(
            removed.Name, removed.Served?.Generation, facts?.Sha256, facts?.Subject, facts?.NotBefore.UtcDateTime, facts?.NotAfter.UtcDateTime, Of(removed.Connections));
    }

    private static Connections[] Of(IReadOnlyList<GenerationConnections> connections) =>
        [.. connections.Select(open => new Connections(open.Generation, open.Open, open.SupersededAt?.UtcDateTime))];

    private static TrustBundle Of(TrustBundleStatus bundle) => new(
        bundle.Name,
        bundle.LastChange?.Generation ?? 0,
        [.. (bundle.LastChange?.Authorities ?? []).Select(Of)],
        [.. (bundle.LastChange?.RevocationLists ?? []).Select(list => new RevocationList(list.Issuer, list.ThisUpdate.UtcDateTime, list.NextUpdate?.UtcDateTime, list.Count))],
        bundle.WatchMode,
        bundle.WatchModeSince?.UtcDateTime,
        bundle.WatchModeMessage,
        bundle.LoadStuck,
        bundle.LoadStuckSince?.UtcDateTime,
        bundle.Loads,
        bundle.LastCheck?.UtcDateTime,
        Of(bundle.LastChange),
        Of(bundle.LastFailure),
        [.. bundle.Accepted.Select(Of)],
        [.. bundle.Refused.Select(refused => new Refusals(refused.Refusal, refused.Count))]);

    private static Authority Of(CertificateFacts facts) => new(facts.Sha256, facts.Subject, facts.NotBefore.UtcDateTime, facts.NotAfter.UtcDateTime);

    private static Acceptances Of(AcceptedPeers accepted) => new(
        accepted.Authority.Sha256,
        accepted.Authority.Subject,
        accepted.Since.UtcDateTime,
        accepted.Handshakes,
        accepted.LastSeen?.UtcDateTime,
        [.. accepted.SoonestToExpire.Select(peer => new Peer(peer.Subject, peer.NotAfter.UtcDateTime, peer.LastSeen.UtcDateTime))]);

    private static Change? Of(GenerationChanged? change) => change is null ? null : new Change(change.At.UtcDateTime, change.Reason);

    private static Failure? Of(ReloadFailed? failure) => failure is null ? null : new Failure(failure.At.UtcDateTime, failure.Reason, failure.Message);
}

[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase, UseStringEnumConverter = true)]
[JsonSerializable(typeof(StatusDocument))]
internal sealed partial class StatusJson : JsonSerializerContext;
