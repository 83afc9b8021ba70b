using CertActors.Diagnostics;

namespace CertActors;

/// <summary>
/// Asks the supervisor to remove a trust bundle. Answered with <see cref="RemoveTrustBundleResult"/> once the holder has no trace of it: from then on, peers
/// that would be verified against it are refused.
/// </summary>
/// <remarks>A bundle that a pair names (<see cref="CertificateOptions.MustChainTo"/>) is not removed. One that is added later under the same name begins with generation 1.</remarks>
/// <param name="Name">The bundle's name.</param>
public sealed record RemoveTrustBundle(string Name);

/// <summary>The answer to <see cref="RemoveTrustBundle"/>.</summary>
public sealed record RemoveTrustBundleResult
{
    /// <summary>The bundle's name.</summary>
    public required string Name { get; init; }

    /// <summary>Whether the supervisor had a trust bundle of that name.</summary>
    public required bool WasKnown { get; init; }

    /// <summary>Why the bundle was not removed: the pairs that name it; none if it was. Compares by value.</summary>
    public required IReadOnlyList<string> Errors
    {
        get;
        init => field = ValueList.Of(value);
    }
}

/// <summary>A trust bundle was removed: peers that would be verified against it are refused from now on.</summary>
public sealed record TrustBundleRemoved : CertificateEvent
{
    /// <summary>The generation that was served last; 0 if none was.</summary>
    public required long Generation { get; init; }
}
