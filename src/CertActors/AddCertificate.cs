using CertActors.Diagnostics;

namespace CertActors;

/// <summary>
/// Asks the supervisor to serve one more pair. Answered with <see cref="AddCertificateResult"/> at once; await
/// <see cref="CertificateHolder.WaitForAsync"/> or the subscription for its first load.
/// </summary>
/// <remarks>
/// While a pair of its name is being removed, it is added, and the answer sent, once that has ended; a <see cref="RemoveCertificate"/> that comes before
/// that cancels it. It comes after all pairs that are there. It stays until <see cref="RemoveCertificate"/>, also when the supervisor's parent restarts the supervisor,
/// but not when another supervisor is started from its options.
/// </remarks>
/// <param name="Certificate">The pair. Its name must be new. Don't change it once the message is sent.</param>
/// <example><code>
/// var result = await supervisor.Ask&lt;AddCertificateResult&gt;(new AddCertificate(pair), timeout);
/// if (result.Errors.Count > 0) …
/// </code></example>
public sealed record AddCertificate(CertificateOptions Certificate);

/// <summary>The answer to <see cref="AddCertificate"/>.</summary>
public sealed record AddCertificateResult
{
    /// <summary>The pair's name.</summary>
    public required string Name { get; init; }

    /// <summary>Why the pair was not added: every error of its options; none if it was. Compares by value.</summary>
    public required IReadOnlyList<string> Errors
    {
        get;
        init => field = ValueList.Of(value);
    }
}
