namespace CertActors;

/// <summary>
/// Asks the supervisor to stop serving a pair. Answered with <see cref="RemoveCertificateResult"/> once the holder has no trace of it: handshakes that
/// begin from then on don't get it; those under way finish.
/// </summary>
/// <remarks>
/// If the pair was the default, another one becomes the default: the one that is marked (<see cref="CertificateOptions.IsDefault"/>), otherwise the first of
/// those for servers. Until that is loaded, there is none. That holds also for a pair that an update has removed, and whose certificate is still the default.
/// A pair that is added later under the same name begins with generation 1.
/// </remarks>
/// <param name="Name">The pair's name.</param>
public sealed record RemoveCertificate(string Name);

/// <summary>The answer to <see cref="RemoveCertificate"/>.</summary>
public sealed record RemoveCertificateResult
{
    /// <summary>The pair's name.</summary>
    public required string Name { get; init; }

    /// <summary>Whether the supervisor had a pair of that name, or the certificate of such a pair was still the default.</summary>
    public required bool WasKnown { get; init; }
}

/// <summary>
/// A pair was removed, by <see cref="RemoveCertificate"/>, by <see cref="UpdateCertificates"/> or as only an earlier supervisor on the holder had it: no
/// handshake that begins from now on gets its certificate by its names.
/// </summary>
/// <remarks>
/// Other than with <see cref="RemoveCertificate"/>, the certificate of a pair that was the default continues to be served as
/// <see cref="CertificateHolder.Current"/> until the next default is loaded, and is superseded then. Until then it is in
/// <see cref="CertificateSupervisorStatus.Removed"/>, and its expiry is not reported; <see cref="RemoveCertificate"/> takes it away.
/// </remarks>
public sealed record CertificateRemoved : CertificateEvent
{
    /// <summary>The generation that was served last; 0 if none was.</summary>
    public required long Generation { get; init; }
}
