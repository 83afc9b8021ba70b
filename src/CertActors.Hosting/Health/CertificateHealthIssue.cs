using System.Text.Json.Serialization;

namespace CertActors.Hosting;

/// <summary>What is wrong with a pair or a trust bundle.</summary>
public sealed record CertificateHealthIssue
{
    /// <summary>The name of the pair or trust bundle.</summary>
    public required string Name { get; init; }

    /// <summary>What is wrong.</summary>
    public required CertificateHealthReason Reason { get; init; }

    /// <summary>Since when, UTC; null if it is not known.</summary>
    public required DateTimeOffset? Since { get; init; }

    /// <summary>The explanation for people.</summary>
    public required string Message { get; init; }
}

/// <summary>Why the health check of certificates is not healthy. More may be added.</summary>
[JsonConverter(typeof(JsonStringEnumConverter<CertificateHealthReason>))]
public enum CertificateHealthReason
{
    /// <summary>Nothing is served: handshakes that need it fail. The only reason for the failure status.</summary>
    NotServed,

    /// <summary>The certificate that is served, an intermediate that is sent with it, or a certificate of the trust bundle has expired.</summary>
    Expired,

    /// <summary>It expires within <see cref="CertificateHealthOptions.ExpiryThreshold"/>.</summary>
    Expiring,

    /// <summary>The present files are rejected, and the last accepted ones are served.</summary>
    Rejected,

    /// <summary>A load that was given up still occupies its thread, so that no other can start.</summary>
    Stuck,

    /// <summary>Changes are noticed by polling, where events are expected.</summary>
    Polling,

    /// <summary>A revocation list of the trust bundle is stale.</summary>
    StaleRevocationList,
}
