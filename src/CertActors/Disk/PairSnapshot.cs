namespace CertActors.Disk;

/// <summary>The result of one walk along each path of a pair.</summary>
/// <param name="Certificate">The path of the certificate.</param>
/// <param name="Key">The path of the key.</param>
/// <param name="Password">The path of the password; null if the pair has none.</param>
internal sealed record PairSnapshot(PathSnapshot Certificate, PathSnapshot Key, PathSnapshot? Password)
{
    public IEnumerable<PathStep> Steps => Certificate.Steps.Concat(Key.Steps).Concat(Password?.Steps ?? []).Distinct();

    public PairFingerprint Fingerprint => new(Certificate.End, Key.End, Password?.End);

    /// <inheritdoc cref="PathSnapshot.Take"/>
    public static PairSnapshot Take(IFiles files, CertificateOptions pair) => new(
        PathSnapshot.Take(files, pair.CertificatePath),
        PathSnapshot.Take(files, pair.KeyPath),
        pair.PasswordPath is { } password ? PathSnapshot.Take(files, password) : null);

    public bool HasSameStepsAs(PairSnapshot other) => Steps.SequenceEqual(other.Steps);
}
