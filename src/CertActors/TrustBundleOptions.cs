using System.Collections.Immutable;
using CertActors.Diagnostics;

namespace CertActors;

/// <summary>One trust bundle: where its files are, what they may contain, and how soon a change of the files is followed.</summary>
/// <remarks>
/// Validated as a whole when a supervisor's <c>Props</c> are made, or the host starts; a <see cref="CertificateOptionsException"/> lists every error.
/// Relative paths are resolved against the working directory at that moment. The supervisor has a copy: a later change of the options changes nothing.
/// </remarks>
/// <example>
/// <code>
/// var clients = new TrustBundleOptions { Name = "clients", CertificatePaths = ["/etc/tls/clients.pem"], RevocationListPaths = ["/etc/tls/clients.crl"] };
/// </code>
/// </example>
public sealed record TrustBundleOptions
{
    /// <summary>Enough for 2,000 certificates.</summary>
    internal const int MaxCertificateFileSize = 4 << 20;

    /// <summary>Enough for 1,000,000 entries of 53 bytes, in PEM.</summary>
    internal const int MaxRevocationListFileSize = 96 << 20;

    /// <summary>The bundle's name, unique among the pairs and bundles of its supervisor: 1 to 64 letters, digits, <c>-</c>, <c>_</c> or <c>.</c>, in ASCII. Default <c>trust</c>.</summary>
    public string Name { get; set; } = "trust";

    /// <summary>
    /// The files with the certificates of the authorities that are trusted: PEM (RFC 7468), any number of certificates in each, with any text between
    /// them. Each certificate is trusted by itself, whether it is a root or an intermediate. They may contain revocation lists, too. One file or more,
    /// each of at most 4 MiB. Required.
    /// </summary>
    public IList<string> CertificatePaths
    {
        get;
        set => field = OptionList.Of(value);
    } = new OptionList<string>();

    /// <summary>
    /// The files with certificate revocation lists of these authorities (RFC 5280, 5): PEM, any number in each, or DER, one in each. Certificates of an
    /// authority without a list are not checked for revocation. Each of at most 96 MiB, which is enough for 1,000,000 entries. Default: none.
    /// </summary>
    public IList<string> RevocationListPaths
    {
        get;
        set => field = OptionList.Of(value);
    } = new OptionList<string>();

    /// <summary>
    /// Whether the bundle may contain certificates that are no authorities, such as the self-signed certificate of a peer. Such a certificate is trusted
    /// itself, and nothing that it signs. Default false: the bundle is rejected.
    /// </summary>
    public bool AllowNonAuthorities { get; set; }

    /// <summary>
    /// Whether a revocation list is still used after the next one was due. Default false: peers whose issuer's list is stale are refused, as their
    /// certificates may be revoked meanwhile. A stale list is reported in both cases.
    /// </summary>
    public bool AllowStaleRevocationLists { get; set; }

    /// <summary>
    /// How long before the end of its validity a certificate of the bundle is reported, once each. A third of the certificate's lifetime replaces
    /// anything longer. The end itself is always reported. Each above 0; default empty: 30, 7 and 1 days.
    /// </summary>
    public IList<TimeSpan> ExpiryThresholds
    {
        get;
        set => field = OptionList.Of(value);
    } = new OptionList<TimeSpan>();

    /// <inheritdoc cref="CertificateOptions.DebounceWindow"/>
    public TimeSpan DebounceWindow { get; set; } = TimeSpan.FromMilliseconds(150);

    /// <inheritdoc cref="CertificateOptions.MaxDebounce"/>
    public TimeSpan MaxDebounce { get; set; } = TimeSpan.FromSeconds(1);

    /// <inheritdoc cref="CertificateOptions.PollIntervalWithEvents"/>
    public TimeSpan PollIntervalWithEvents { get; set; } = TimeSpan.FromSeconds(10);

    /// <inheritdoc cref="CertificateOptions.PollIntervalWithoutEvents"/>
    public TimeSpan PollIntervalWithoutEvents { get; set; } = TimeSpan.FromSeconds(1);

    /// <summary>
    /// How long reading and judging the bundle may take before the load is given up. A revocation list of 1,000,000 entries takes about a second of CPU
    /// time. 1 ms to 1 day, default 5 s.
    /// </summary>
    public TimeSpan LoadTimeLimit { get; set; } = TimeSpan.FromSeconds(5);

    /// <summary>The path of each file, each once.</summary>
    internal ImmutableArray<string> Paths => [.. CertificatePaths.Concat(RevocationListPaths).Distinct()];

    /// <inheritdoc cref="CertificatesOptions.Validated"/>
    internal TrustBundleOptions Validated()
    {
        string[] errors = [.. Errors()];
        return errors.Length == 0 ? Copy() : throw new CertificateOptionsException(errors);
    }

    /// <inheritdoc cref="CertificateOptions.Copy"/>
    internal TrustBundleOptions Copy() => this with
    {
        CertificatePaths = [.. CertificatePaths.Select(CertificateOptions.FullPath)],
        RevocationListPaths = [.. RevocationListPaths.Select(CertificateOptions.FullPath)],
        ExpiryThresholds = CertificateOptions.ThresholdsOrDefault(ExpiryThresholds),
    };

    internal IEnumerable<string> Errors()
    {
        if (CertificateOptions.NameError(Name) is { } nameError)
            yield return nameError;
        if (CertificatePaths.Count == 0 || !CertificatePaths.All(CertificateOptions.IsPath))
            yield return $"trust bundle '{Name}': {nameof(CertificatePaths)} must name one or more PEM files";
        if (!RevocationListPaths.All(CertificateOptions.IsPath))
            yield return $"trust bundle '{Name}': {nameof(RevocationListPaths)} must name PEM or DER files, or be empty";
        foreach (var path in (string[])[.. CertificatePaths, .. RevocationListPaths])
        {
            if (CertificateOptions.IsWithoutDirectory(path))
                yield return $"trust bundle '{Name}': '{path}' is relative to the working directory, which was removed; name the full path";
        }

        if (!CertificateOptions.AreThresholds(ExpiryThresholds))
            yield return $"trust bundle '{Name}': {nameof(ExpiryThresholds)} must contain only durations above 0";
        foreach (var error in CertificateOptions.TimingErrors(DebounceWindow, MaxDebounce, PollIntervalWithEvents, PollIntervalWithoutEvents, LoadTimeLimit))
            yield return $"trust bundle '{Name}': {error}";
    }
}
