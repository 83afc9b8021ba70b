namespace CertActors;

/// <summary>A pair was swapped: the next handshake gets the current certificate.</summary>
public sealed record CertificateChanged
{
    /// <summary>The pair's name.</summary>
    public required string Name { get; init; }

    /// <summary>Grows by one with each swap; 1 is the first load.</summary>
    public required long Generation { get; init; }

    /// <summary>The leaf that was served before; null for the first load.</summary>
    public required CertificateFacts? Previous { get; init; }

    /// <summary>The leaf that is served from now on. Equal to <see cref="Previous"/> if only the intermediates changed.</summary>
    public required CertificateFacts Current { get; init; }

    /// <summary>Why the pair was loaded.</summary>
    public required ReloadReason Reason { get; init; }

    /// <summary>When the pair was swapped, UTC.</summary>
    public required DateTimeOffset At { get; init; }
}
