using System.Diagnostics.CodeAnalysis;

namespace CertActors;

/// <summary>One key pair: where its files are, and how fast a change of them is followed.</summary>
/// <remarks>
/// Checked as a whole when a supervisor's <c>Props</c> are made; every error is named at once in a
/// <see cref="CertificateOptionsException"/>. Relative paths count from the working directory of that moment.
/// </remarks>
public sealed record CertificateOptions
{
    /// <summary>The shortest time that any of the durations may have: 1 ms.</summary>
    public static readonly TimeSpan MinDuration = TimeSpan.FromMilliseconds(1);

    /// <summary>The longest time that any of the durations may have: 1 day.</summary>
    public static readonly TimeSpan MaxDuration = TimeSpan.FromDays(1);

    private const int MaxNameLength = 64;

    /// <summary>The pair's name, unique in its supervisor: 1 to 64 letters, digits, <c>-</c>, <c>_</c> or <c>.</c> of ASCII. Default <c>default</c>.</summary>
    public string Name { get; init; } = "default";

    /// <summary>
    /// The file with the leaf certificate and its chain, in any order: PEM (RFC 7468) or PKCS#12 (RFC 7292), told by content. The leaf is the
    /// certificate whose key is in <see cref="KeyPath"/>. Required.
    /// </summary>
    public required string CertificatePath { get; init; }

    /// <summary>
    /// The file with the private key, RSA or ECDSA on P-256, P-384 or P-521: PEM (PKCS#8, encrypted or not, PKCS#1 or SEC1) or PKCS#12.
    /// May be <see cref="CertificatePath"/> itself. Required.
    /// </summary>
    public required string KeyPath { get; init; }

    /// <summary>The file with the password of an encrypted key or a PKCS#12 file: UTF-8, of which one line break at the end is dropped. Default null: none.</summary>
    public string? PasswordPath { get; init; }

    /// <summary>What the pair is for. Default <see cref="CertificatePurpose.ServerAuthentication"/>.</summary>
    public CertificatePurpose Purpose { get; init; }

    /// <summary>
    /// Host names that aren't to be lost: while the certificate that is served covers one of them, another is rejected that doesn't.
    /// A wildcard covers one label (RFC 6125, 6.4.3). Default none.
    /// </summary>
    public IReadOnlyList<string> RequiredNames { get; init; } = [];

    /// <summary>
    /// By how much a new certificate may expire earlier than the valid one that is served; above that it's taken for a restored backup, and rejected.
    /// 0 or more; default null: by any time.
    /// </summary>
    public TimeSpan? AllowedExpirySetback { get; init; }

    /// <summary>
    /// Whether a certificate that has expired or isn't valid yet, also an intermediate, is rejected even when none is served. Default false: it's
    /// served with a warning, as to serve none fails every client.
    /// </summary>
    public bool RequireValidFirst { get; init; }

    /// <summary>
    /// How long before the end of its validity <see cref="CertificateExpiring"/> is told, once each; a third of the certificate's lifetime counts
    /// instead of anything longer. The end itself is always told. Each above 0; default 30, 7 and 1 days.
    /// </summary>
    public IReadOnlyList<TimeSpan> ExpiryThresholds { get; init; } = [TimeSpan.FromDays(30), TimeSpan.FromDays(7), TimeSpan.FromDays(1)];

    /// <summary>How long nothing may have touched the files before they are read; each touch starts it anew. 1 ms to 1 day, default 150 ms.</summary>
    public TimeSpan DebounceWindow { get; init; } = TimeSpan.FromMilliseconds(150);

    /// <summary>How long after the first touch the files are read at the latest, whatever still touches them. <see cref="DebounceWindow"/> to 1 day, default 1 s.</summary>
    public TimeSpan MaxDebounce { get; init; } = TimeSpan.FromSeconds(1);

    /// <summary>How often the files are looked at while events are to be had, should an event be lost. 1 ms to 1 day, default 10 s.</summary>
    public TimeSpan PollIntervalWithEvents { get; init; } = TimeSpan.FromSeconds(10);

    /// <summary>How often the files are looked at while events are not to be had. 1 ms to 1 day, default 1 s.</summary>
    public TimeSpan PollIntervalWithoutEvents { get; init; } = TimeSpan.FromSeconds(1);

    /// <summary>How long reading and judging the pair may take before it is given up. 1 ms to 1 day, default 5 s.</summary>
    public TimeSpan LoadTimeLimit { get; init; } = TimeSpan.FromSeconds(5);

    internal CertificateOptions WithFullPaths() => this with
    {
        CertificatePath = FullPath(CertificatePath),
        KeyPath = FullPath(KeyPath),
        PasswordPath = PasswordPath is null ? null : FullPath(PasswordPath),
    };

    internal IEnumerable<string> Errors()
    {
        if (!IsName(Name))
            yield return $"the name '{Name}' must be 1 to {MaxNameLength} ASCII letters, digits, '-', '_' or '.'";
        if (!IsPath(CertificatePath))
            yield return $"pair '{Name}': {nameof(CertificatePath)} must name a PEM or PKCS#12 file";
        if (!IsPath(KeyPath))
            yield return $"pair '{Name}': {nameof(KeyPath)} must name a PEM or PKCS#12 file";
        if (PasswordPath is not null && !IsPath(PasswordPath))
            yield return $"pair '{Name}': {nameof(PasswordPath)} must name a file, or be null";
        foreach (var path in (string?[])[CertificatePath, KeyPath, PasswordPath])
        {
            if (IsPath(path) && !Path.IsPathRooted(path) && !HasWorkingDirectory())
                yield return $"pair '{Name}': '{path}' is relative to the working directory, which was removed; name the full path";
        }

        if (!Enum.IsDefined(Purpose))
            yield return $"pair '{Name}': {nameof(Purpose)} is {Purpose}, and must be one of {string.Join(", ", Enum.GetNames<CertificatePurpose>())}";
        if (RequiredNames is null)
            yield return $"pair '{Name}': {nameof(RequiredNames)} must not be null";
        foreach (var name in RequiredNames ?? [])
        {
            if (Uri.CheckHostName(name) is not (UriHostNameType.Dns or UriHostNameType.IPv4 or UriHostNameType.IPv6))
                yield return $"pair '{Name}': {nameof(RequiredNames)} has '{name}', which is no host name";
        }

        if (AllowedExpirySetback < TimeSpan.Zero)
            yield return $"pair '{Name}': {nameof(AllowedExpirySetback)} is {AllowedExpirySetback}, and must be 0 or more, or null";
        if (ExpiryThresholds is null || ExpiryThresholds.Any(threshold => threshold <= TimeSpan.Zero))
            yield return $"pair '{Name}': {nameof(ExpiryThresholds)} must hold times above 0 alone";

        foreach (var (option, value) in Durations())
        {
            if (value < MinDuration || value > MaxDuration)
                yield return $"pair '{Name}': {option} is {value}, and must be {MinDuration.TotalMilliseconds} ms to {MaxDuration.TotalDays} day";
        }

        if (MaxDebounce < DebounceWindow)
            yield return $"pair '{Name}': {nameof(MaxDebounce)} ({MaxDebounce}) must be at least {nameof(DebounceWindow)} ({DebounceWindow})";
    }

    // Where links are followed step by step, "link/.." is the directory above the link's target, and not that of the link.
    private static string FullPath(string path) =>
        OperatingSystem.IsWindows() ? Path.GetFullPath(path)
        : Path.IsPathRooted(path) ? path
        : Path.Combine(Environment.CurrentDirectory, path);

    private static bool HasWorkingDirectory()
    {
        try
        {
            return Environment.CurrentDirectory.Length > 0;
        }
        catch (IOException)
        {
            return false;
        }
    }

    private IEnumerable<(string Option, TimeSpan Value)> Durations() =>
    [
        (nameof(DebounceWindow), DebounceWindow),
        (nameof(MaxDebounce), MaxDebounce),
        (nameof(PollIntervalWithEvents), PollIntervalWithEvents),
        (nameof(PollIntervalWithoutEvents), PollIntervalWithoutEvents),
        (nameof(LoadTimeLimit), LoadTimeLimit),
    ];

    private static bool IsName(string? name) =>
        name is { Length: > 0 and <= MaxNameLength } && name.All(c => char.IsAsciiLetterOrDigit(c) || c is '-' or '_' or '.');

    private static bool IsPath([NotNullWhen(true)] string? path) => !string.IsNullOrWhiteSpace(path) && !path.Contains('\0', StringComparison.Ordinal);
}
