using System.Collections.Immutable;
using System.Diagnostics.CodeAnalysis;
using CertActors.Diagnostics;

namespace CertActors;

/// <summary>One pair: where its files are, which certificates are accepted, and how soon a change of the files is followed.</summary>
/// <remarks>
/// Validated as a whole when a supervisor's <c>Props</c> are made, or the host starts; a <see cref="CertificateOptionsException"/> lists every error.
/// Relative paths are resolved against the working directory at that moment. The supervisor has a copy: a later change of the options changes nothing.
/// </remarks>
public sealed record CertificateOptions
{
    /// <summary>The minimum of each duration: 1 ms.</summary>
    public static readonly TimeSpan MinDuration = TimeSpan.FromMilliseconds(1);

    /// <summary>The maximum of each duration: 1 day.</summary>
    public static readonly TimeSpan MaxDuration = TimeSpan.FromDays(1);

    private const int MaxNameLength = 64;
    private const CertificatePurpose AllPurposes = CertificatePurpose.ServerAuthentication | CertificatePurpose.ClientAuthentication;

    /// <summary>The pair's name, unique in its supervisor: 1 to 64 letters, digits, <c>-</c>, <c>_</c> or <c>.</c>, in ASCII. Default <c>default</c>.</summary>
    public string Name { get; set; } = "default";

    /// <summary>
    /// The file with the leaf certificate and its chain, in any order: PEM (RFC 7468) or PKCS#12 (RFC 7292), recognized by content. The leaf is the
    /// certificate whose key is in <see cref="KeyPath"/>. Required.
    /// </summary>
    public string CertificatePath { get; set; } = "";

    /// <summary>
    /// The file with the private key, RSA or ECDSA on P-256, P-384 or P-521: PEM (PKCS#8, encrypted or not, PKCS#1 or SEC1) or PKCS#12.
    /// May be <see cref="CertificatePath"/> itself. Required.
    /// </summary>
    public string KeyPath { get; set; } = "";

    /// <summary>The file with the password of an encrypted key or a PKCS#12 file, in UTF-8; one line break at the end is dropped. Default null: no password.</summary>
    public string? PasswordPath { get; set; }

    /// <summary>What the pair is for: one purpose, or both. Default <see cref="CertificatePurpose.ServerAuthentication"/>.</summary>
    public CertificatePurpose Purpose { get; set; } = CertificatePurpose.ServerAuthentication;

    /// <summary>
    /// The server names that the pair answers to: DNS names, or wildcards for the first label (<c>*.example.com</c>; RFC 9525, 6.3), internationalized
    /// ones with A-labels or U-labels. Whether the leaf covers them isn't checked: see <see cref="RequiredNames"/>. Default empty: the DNS names of the
    /// leaf's subject alternative name.
    /// </summary>
    /// <remarks>
    /// While the pair is in its first load, clients that ask for these names wait for it (<see cref="CertificateHolder.SelectAsync"/>), and no other
    /// client does.
    /// </remarks>
    public IList<string> ServerNames
    {
        get;
        set => field = OptionList.Of(value);
    } = new OptionList<string>();

    /// <summary>
    /// Whether the pair is the default, which answers to clients that send no server name, or one that no pair has. One pair at most. Default false; if
    /// it is set for none, the first pair for <see cref="CertificatePurpose.ServerAuthentication"/> is the default.
    /// </summary>
    public bool IsDefault { get; set; }

    /// <summary>
    /// Host names that must not be lost: while the certificate that is served covers one of them, a certificate that doesn't is rejected.
    /// A wildcard covers one label (RFC 6125, 6.4.3). Default: none.
    /// </summary>
    public IList<string> RequiredNames
    {
        get;
        set => field = OptionList.Of(value);
    } = new OptionList<string>();

    /// <summary>
    /// The trust bundle that must trust the pair's chain (<see cref="TrustBundleOptions.Name"/>): a pair that it doesn't trust is rejected
    /// (<see cref="RejectionReason.NotTrusted"/>), and loaded again when the bundle changes. So a new authority is trusted before a leaf of it is served.
    /// The chain that is served stays if the bundle stops trusting it. Default null: the chain need not lead to any authority.
    /// </summary>
    public string? MustChainTo { get; set; }

    /// <summary>
    /// By how much a new certificate may expire earlier than the valid one that is served. One that expires even earlier is rejected, as it is
    /// probably a restored backup. 0 or more; default null: by any time.
    /// </summary>
    public TimeSpan? AllowedExpirySetback { get; set; }

    /// <summary>
    /// Whether a leaf or an intermediate that has expired or isn't valid yet is rejected even if none is served. Default false: it is served with a
    /// warning, as without any certificate every handshake fails.
    /// </summary>
    public bool RequireValidFirst { get; set; }

    /// <summary>
    /// How long before the end of its validity <see cref="CertificateExpiring"/> is reported, once each. A third of the certificate's lifetime
    /// replaces anything longer. The end itself is always reported. Each above 0; default empty: 30, 7 and 1 days.
    /// </summary>
    public IList<TimeSpan> ExpiryThresholds
    {
        get;
        set => field = OptionList.Of(value);
    } = new OptionList<TimeSpan>();

    /// <summary>How long after the last touch the files are loaded; each touch restarts it. 1 ms to 1 day, default 150 ms.</summary>
    public TimeSpan DebounceWindow { get; set; } = TimeSpan.FromMilliseconds(150);

    /// <summary>How long after the first touch the files are loaded at the latest, even if touches go on. <see cref="DebounceWindow"/> to 1 day, default 1 s.</summary>
    public TimeSpan MaxDebounce { get; set; } = TimeSpan.FromSeconds(1);

    /// <summary>How often the files are polled while events are available, in case an event is lost. 1 ms to 1 day, default 10 s.</summary>
    public TimeSpan PollIntervalWithEvents { get; set; } = TimeSpan.FromSeconds(10);

    /// <summary>How often the files are polled while events are not available. 1 ms to 1 day, default 1 s.</summary>
    public TimeSpan PollIntervalWithoutEvents { get; set; } = TimeSpan.FromSeconds(1);

    /// <summary>How long reading and judging the pair may take before the load is given up. 1 ms to 1 day, default 5 s.</summary>
    public TimeSpan LoadTimeLimit { get; set; } = TimeSpan.FromSeconds(5);

    /// <summary>Whether server names, and the default, may lead to the pair.</summary>
    internal bool IsForServers => Purpose.HasFlag(CertificatePurpose.ServerAuthentication);

    /// <summary>Whether both accept the same certificates, once one is served. The other rules compare a certificate with the one before it.</summary>
    internal bool JudgeAs(CertificateOptions other) => (Purpose, MustChainTo) == (other.Purpose, other.MustChainTo);

    /// <returns>A copy that shares nothing with these options, with full paths and the default of what is empty.</returns>
    internal CertificateOptions Copy() => this with
    {
        CertificatePath = FullPath(CertificatePath),
        KeyPath = FullPath(KeyPath),
        PasswordPath = PasswordPath is null ? null : FullPath(PasswordPath),
        ServerNames = ServerNames,
        RequiredNames = RequiredNames,
        ExpiryThresholds = ThresholdsOrDefault(ExpiryThresholds),
    };

    /// <returns>The thresholds, or the default ones for none.</returns>
    internal static IList<TimeSpan> ThresholdsOrDefault(IList<TimeSpan> thresholds) =>
        thresholds.Count > 0 ? thresholds : [TimeSpan.FromDays(30), TimeSpan.FromDays(7), TimeSpan.FromDays(1)];

    /// <summary>Whether the certificate and the key of both are the same files. Both have full paths.</summary>
    internal bool HasFilesOf(CertificateOptions other) => CertificatePath == other.CertificatePath && KeyPath == other.KeyPath;

    /// <summary>The path of each file, each once.</summary>
    internal ImmutableArray<string> Paths => [.. ((string?[])[CertificatePath, KeyPath, PasswordPath]).OfType<string>().Distinct()];

    internal IEnumerable<string> Errors()
    {
        if (NameError(Name) is { } nameError)
            yield return nameError;
        if (!IsPath(CertificatePath))
            yield return $"pair '{Name}': {nameof(CertificatePath)} must name a PEM or PKCS#12 file{Hint(CertificatePath)}";
        if (!IsPath(KeyPath))
            yield return $"pair '{Name}': {nameof(KeyPath)} must name a PEM or PKCS#12 file{Hint(KeyPath)}";
        if (PasswordPath is not null && !IsPath(PasswordPath))
            yield return $"pair '{Name}': {nameof(PasswordPath)} must name a file, or be null";
        foreach (var path in (string?[])[CertificatePath, KeyPath, PasswordPath])
        {
            if (IsWithoutDirectory(path))
                yield return $"pair '{Name}': '{path}' is relative to the working directory, which was removed; name the full path";
        }

        if (Purpose == 0 || (Purpose & ~AllPurposes) != 0)
            yield return $"pair '{Name}': {nameof(Purpose)} is {Purpose}, and must be one or more of {AllPurposes}";
        foreach (var error in ErrorsOfNames())
            yield return error;
        if (AllowedExpirySetback < TimeSpan.Zero)
            yield return $"pair '{Name}': {nameof(AllowedExpirySetback)} is {AllowedExpirySetback}, and must be 0 or more, or null";
        if (!AreThresholds(ExpiryThresholds))
            yield return $"pair '{Name}': {nameof(ExpiryThresholds)} must contain only durations above 0";

        foreach (var error in TimingErrors(DebounceWindow, MaxDebounce, PollIntervalWithEvents, PollIntervalWithoutEvents, LoadTimeLimit))
            yield return $"pair '{Name}': {error}";
    }

    /// <returns>What is wrong with the options of a watched thing that say when its files are loaded.</returns>
    internal static IEnumerable<string> TimingErrors(
        TimeSpan debounceWindow, TimeSpan maxDebounce, TimeSpan pollIntervalWithEvents, TimeSpan pollIntervalWithoutEvents, TimeSpan loadTimeLimit)
    {
        foreach (var (option, value) in ((string, TimeSpan)[])[
            (nameof(DebounceWindow), debounceWindow),
            (nameof(MaxDebounce), maxDebounce),
            (nameof(PollIntervalWithEvents), pollIntervalWithEvents),
            (nameof(PollIntervalWithoutEvents), pollIntervalWithoutEvents),
            (nameof(LoadTimeLimit), loadTimeLimit)])
        {
            if (value < MinDuration || value > MaxDuration)
                yield return $"{option} is {value}, and must be {MinDuration.TotalMilliseconds} ms to {MaxDuration.TotalDays} day";
        }

        if (maxDebounce < debounceWindow)
            yield return $"{nameof(MaxDebounce)} ({maxDebounce}) must be at least {nameof(DebounceWindow)} ({debounceWindow})";
    }

    internal static string? NameError(string? name) =>
        name is { Length: > 0 and <= MaxNameLength } && name.All(c => char.IsAsciiLetterOrDigit(c) || c is '-' or '_' or '.')
            ? null
            : $"the name '{name}' must be 1 to {MaxNameLength} ASCII letters, digits, '-', '_' or '.'";

    // A path may be logged, and so PEM text, which somebody may give in the place of one, is no path.
    internal static bool IsPath([NotNullWhen(true)] string? path) =>
        !string.IsNullOrWhiteSpace(path) && !path.Contains('\0', StringComparison.Ordinal) && !IsPem(path);

    /// <summary>Whether a path is relative to a working directory that was removed.</summary>
    internal static bool IsWithoutDirectory(string? path) => IsPath(path) && !Path.IsPathRooted(path) && !HasWorkingDirectory();

    internal static bool AreThresholds(IList<TimeSpan> thresholds) => thresholds.All(threshold => threshold > TimeSpan.Zero);

    private IEnumerable<string> ErrorsOfNames()
    {
        foreach (var name in RequiredNames)
        {
            if (Uri.CheckHostName(name) is not (UriHostNameType.Dns or UriHostNameType.IPv4 or UriHostNameType.IPv6))
                yield return $"pair '{Name}': {nameof(RequiredNames)} has '{name}', which is not a host name";
        }

        foreach (var name in ServerNames)
        {
            if (!IsServerName(name))
                yield return $"pair '{Name}': {nameof(ServerNames)} has '{name}', and must contain only DNS names, or '*.' and a DNS name";
        }

        if (!IsForServers && (IsDefault || ServerNames.Count > 0))
        {
            yield return $"pair '{Name}': {nameof(IsDefault)} and {nameof(ServerNames)} are for pairs whose {nameof(Purpose)} "
                + $"includes {nameof(CertificatePurpose.ServerAuthentication)}";
        }
    }

    // Not normalized: "link/.." is the parent of the link's target, where Path.GetFullPath returns the parent of the link.
    internal static string FullPath(string path) =>
        OperatingSystem.IsWindows() ? Path.GetFullPath(path)
        : Path.IsPathRooted(path) ? path
        : Path.Combine(Environment.CurrentDirectory, path);

    private static bool IsPem(string path) => path.Contains("-----BEGIN", StringComparison.Ordinal);

    private static string Hint(string? path) => path is not null && IsPem(path) ? "; it has the text of one" : "";

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

    // A last label of digits makes a name an address, also one that isn't valid (1.2.3).
    private static bool IsServerName(string? name)
    {
        var host = name is ['*', '.', .. var rest] ? rest : name;
        return Uri.CheckHostName(host) == UriHostNameType.Dns && !host!.TrimEnd('.').Split('.')[^1].All(char.IsAsciiDigit);
    }
}
