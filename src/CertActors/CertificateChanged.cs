namespace CertActors;

/// <summary>A pair was swapped: the next handshake gets the current certificate.</summary>
public sealed record CertificateChanged : GenerationChanged
{
    /// <summary>The leaf that was served before; null for the first load.</summary>
    public required CertificateFacts? Previous { get; init; }

    /// <summary>The leaf that is served from now on. Equal to <see cref="Previous"/> if only the intermediates changed.</summary>
    public required CertificateFacts Current { get; init; }
}
