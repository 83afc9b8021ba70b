using CertActors.Diagnostics;

namespace CertActors;

/// <summary>
/// Who still needs a certificate of a trust bundle: the peers that were accepted in handshakes because theirs leads to it. Clients where they are asked
/// for a certificate, and servers where this process is the client.
/// </summary>
/// <remarks>
/// Where a peer's certificate leads to several of the bundle, such as an intermediate and its root, the first on the way counts, as it is enough. What is
/// verified by <see cref="TrustBundle.Verify"/> is not counted.
/// </remarks>
public sealed record AcceptedPeers
{
    /// <summary>The certificate of the bundle.</summary>
    public required CertificateFacts Authority { get; init; }

    /// <summary>Since when they are counted: the certificate has been in the bundle since then. UTC.</summary>
    public required DateTimeOffset Since { get; init; }

    /// <summary>How many handshakes were accepted, with those of resumed sessions.</summary>
    public required long Handshakes { get; init; }

    /// <summary>When the last of them was, UTC; null if there was none.</summary>
    public required DateTimeOffset? LastSeen { get; init; }

    /// <summary>When the first certificate of <see cref="SoonestToExpire"/> expires, UTC; null if that is empty.</summary>
    public DateTimeOffset? EarliestExpiry => SoonestToExpire.Count > 0 ? SoonestToExpire[0].NotAfter : null;

    /// <summary>
    /// Of the certificates that were seen within the last day, the ten that expire first, in this order. Memory for more is not spent: when one of the ten
    /// was not seen for a day, another one takes its place with its next handshake. Compares by value.
    /// </summary>
    public required IReadOnlyList<SeenPeer> SoonestToExpire
    {
        get;
        init => field = ValueList.Of(value);
    }
}

/// <summary>A peer's certificate that was accepted.</summary>
public sealed record SeenPeer
{
    /// <summary>Its subject's distinguished name, with unprintable characters escaped, and at most 200 characters of it.</summary>
    public required string Subject { get; init; }

    /// <summary>The end of its validity, UTC.</summary>
    public required DateTimeOffset NotAfter { get; init; }

    /// <summary>When it was seen last, UTC.</summary>
    public required DateTimeOffset LastSeen { get; init; }
}
