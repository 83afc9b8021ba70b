using CertActors.Diagnostics;

namespace CertActors;

/// <summary>
/// Asks the supervisor to watch one more trust bundle. Answered with <see cref="AddTrustBundleResult"/> at once; subscribe, or await a handshake, for its
/// first load.
/// </summary>
/// <remarks>
/// It stays until <see cref="RemoveTrustBundle"/>, also when the supervisor's parent restarts the supervisor, but not when another supervisor is started
/// from its options.
/// </remarks>
/// <param name="TrustBundle">The bundle. Its name must be new. Don't change it once the message is sent.</param>
public sealed record AddTrustBundle(TrustBundleOptions TrustBundle);

/// <summary>The answer to <see cref="AddTrustBundle"/>.</summary>
public sealed record AddTrustBundleResult
{
    /// <summary>The bundle's name.</summary>
    public required string Name { get; init; }

    /// <summary>Why the bundle was not added: every error of its options; none if it was. Compares by value.</summary>
    public required IReadOnlyList<string> Errors
    {
        get;
        init => field = ValueList.Of(value);
    }
}
