namespace CertActors;

/// <summary>
/// The last connection of a superseded generation has closed: the rotation has ended. Published once for each superseded generation, at once if no
/// connection is open on it; but only if connections are counted (<see cref="ServingCertificate.BeginConnection"/>,
/// <see cref="CertificateHolder.CountConnections"/>), for any pair of the holder, when the generation is superseded.
/// </summary>
/// <remarks>
/// A handshake that selected the certificate before the swap, and counts its connection after this message, begins a connection of a drained generation.
/// <see cref="CertificateStatus.Connections"/> lists it until it closes; there is no second message.
/// </remarks>
public sealed record GenerationDrained : CertificateEvent
{
    /// <summary>The generation that nothing uses any more.</summary>
    public required long Generation { get; init; }

    /// <summary>When the next generation was swapped in, UTC.</summary>
    public required DateTimeOffset SupersededAt { get; init; }
}
