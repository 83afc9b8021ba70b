namespace CertActors;

/// <summary>The open connections of one generation of a pair.</summary>
public sealed record GenerationConnections
{
    /// <summary>The generation.</summary>
    public required long Generation { get; init; }

    /// <summary>How many of its connections are open, of those that are counted (<see cref="ServingCertificate.BeginConnection"/>).</summary>
    public required int Open { get; init; }

    /// <summary>When the next generation was swapped in, UTC; null for a generation that is served.</summary>
    public required DateTimeOffset? SupersededAt { get; init; }
}
