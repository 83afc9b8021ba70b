namespace CertActors;

/// <summary>What the files of a pair were found to be.</summary>
/// <param name="Reason">Why the pair is rejected; null if it's accepted.</param>
/// <param name="Findings">All that is to be said of it; empty if that is nothing.</param>
/// <param name="Leaf">The leaf certificate; null if the files hold no pair.</param>
/// <param name="Chain">The intermediates that would be sent with it, in the order of issue; without those whose fields can't be decoded.</param>
/// <param name="Key">The kind and size of its key, such as <c>ECDSA P-256</c> or <c>RSA 2048</c>; null if the files hold no pair.</param>
/// <param name="Files">The files that were looked at.</param>
public sealed record CertificateReport(
    RejectionReason? Reason,
    IReadOnlyList<CertificateFinding> Findings,
    CertificateFacts? Leaf,
    IReadOnlyList<CertificateFacts> Chain,
    string? Key,
    IReadOnlyList<CertificateFile> Files)
{
    /// <summary>Whether a supervisor would serve the pair.</summary>
    public bool IsAccepted => Reason is null;
}

/// <summary>Something that is to be said of a pair.</summary>
/// <param name="Reason">Why it's rejected for that; null for a warning.</param>
/// <param name="Message">What, for people: the path, the reason and the remedy. Never key material.</param>
public sealed record CertificateFinding(RejectionReason? Reason, string Message);

/// <summary>A file of a pair.</summary>
/// <param name="Path">Its full path.</param>
/// <param name="Size">Its size in bytes, after all links; null if it isn't there or can't be looked at.</param>
/// <param name="Mode">Its permissions in octal digits, such as <c>0600</c>; null if it isn't there, or the platform has none.</param>
public sealed record CertificateFile(string Path, long? Size, string? Mode);
