using CertActors.Diagnostics;

namespace CertActors;

/// <summary>A trust bundle was swapped: the next handshake verifies its peer against the current one.</summary>
public sealed record TrustBundleChanged : GenerationChanged
{
    /// <summary>The certificates that were not in the bundle before. Compares by value.</summary>
    public required IReadOnlyList<CertificateFacts> Added
    {
        get;
        init => field = ValueList.Of(value);
    }

    /// <summary>The certificates that are no longer in the bundle. Compares by value.</summary>
    public required IReadOnlyList<CertificateFacts> Removed
    {
        get;
        init => field = ValueList.Of(value);
    }

    /// <summary>All certificates of the bundle. Compares by value.</summary>
    public required IReadOnlyList<CertificateFacts> Authorities
    {
        get;
        init => field = ValueList.Of(value);
    }

    /// <summary>The revocation lists that are used. Compares by value.</summary>
    public required IReadOnlyList<RevocationListFacts> RevocationLists
    {
        get;
        init => field = ValueList.Of(value);
    }
}
