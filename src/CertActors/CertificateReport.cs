using CertActors.Diagnostics;

namespace CertActors;

/// <summary>What <see cref="CertificateCheck"/> finds in the files of a pair. Its lists compare by value.</summary>
public sealed record CertificateReport
{
    /// <summary>Why the pair is rejected; null if it is accepted.</summary>
    public required RejectionReason? Reason { get; init; }

    /// <summary>Every reason to reject the pair, and every warning, each once; empty if there is none.</summary>
    public required IReadOnlyList<CertificateFinding> Findings
    {
        get;
        init => field = ValueList.Of(value);
    }

    /// <summary>The leaf certificate; null if the files hold no pair.</summary>
    public required CertificateFacts? Leaf { get; init; }

    /// <summary>
    /// The names of the leaf's subject alternative name that are neither DNS names nor IP addresses, each with its kind, such as
    /// <c>URI:spiffe://example.org/server</c> or <c>email:ops@example.org</c>.
    /// </summary>
    public required IReadOnlyList<string> OtherNames
    {
        get;
        init => field = ValueList.Of(value);
    }

    /// <summary>The whole days until the leaf expires; negative if it has expired; null if the files hold no pair.</summary>
    public required int? DaysLeft { get; init; }

    /// <summary>The intermediates that a server sends with the leaf, in the order of issue; those whose fields can't be decoded are left out.</summary>
    public required IReadOnlyList<CertificateFacts> Chain
    {
        get;
        init => field = ValueList.Of(value);
    }

    /// <summary>
    /// The distinguished name of the issuer at the end of the chain, which clients must trust or find by themselves; null if the files hold no pair.
    /// </summary>
    public required string? TrustAnchor { get; init; }

    /// <summary>The kind and the size of the private key, such as <c>ECDSA P-256</c> or <c>RSA 2048</c>; null if the files hold no pair.</summary>
    public required string? Key { get; init; }

    /// <summary>The files that were inspected.</summary>
    public required IReadOnlyList<CertificateFile> Files
    {
        get;
        init => field = ValueList.Of(value);
    }

    /// <summary>Whether a supervisor would serve the pair.</summary>
    public bool IsAccepted => Reason is null;
}

/// <summary>A reason to reject a pair, or a warning about it.</summary>
public sealed record CertificateFinding
{
    /// <summary>Why the pair is rejected; null for a warning.</summary>
    public required RejectionReason? Reason { get; init; }

    /// <summary>The explanation for people: the path, the reason and the remedy. Never key material.</summary>
    public required string Message { get; init; }
}

/// <summary>A file of a pair.</summary>
public sealed record CertificateFile
{
    /// <summary>The full path.</summary>
    public required string Path { get; init; }

    /// <summary>The size in bytes of the file that the path leads to; null if it does not exist or can't be inspected.</summary>
    public required long? Size { get; init; }

    /// <summary>The permissions in octal digits, such as <c>0600</c>; null if the file does not exist, or on a platform without such permissions.</summary>
    public required string? Mode { get; init; }
}
