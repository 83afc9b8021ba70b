namespace CertActors;

/// <summary>One key pair: where its files are, and how fast a change of them is followed.</summary>
/// <remarks>
/// Checked as a whole when a supervisor's <c>Props</c> are made; every error is named at once in a
/// <see cref="CertificateOptionsException"/>. Relative paths count from the working directory of that moment.
/// </remarks>
public sealed record CertificateOptions
{
    /// <summary>The shortest time that any of the durations may have: 1 ms.</summary>
    public static readonly TimeSpan ShortestDuration = TimeSpan.FromMilliseconds(1);

    /// <summary>The longest time that any of the durations may have: 1 day.</summary>
    public static readonly TimeSpan LongestDuration = TimeSpan.FromDays(1);

    private const int LongestName = 64;

    /// <summary>The pair's name, unique in its supervisor: 1 to 64 letters, digits, <c>-</c>, <c>_</c> or <c>.</c> of ASCII. Default <c>default</c>.</summary>
    public string Name { get; init; } = "default";

    /// <summary>The PEM file with the leaf certificate first, and its intermediates after it. Required.</summary>
    public required string CertificatePath { get; init; }

    /// <summary>The PEM file with the private key, unencrypted: PKCS#8, PKCS#1 or SEC1. May be <see cref="CertificatePath"/> itself. Required.</summary>
    public required string KeyPath { get; init; }

    /// <summary>How long nothing may have touched the files before they are read; each touch starts it anew. 1 ms to 1 day, default 150 ms.</summary>
    public TimeSpan SettleWindow { get; init; } = TimeSpan.FromMilliseconds(150);

    /// <summary>How long after the first touch the files are read at the latest, whatever still touches them. <see cref="SettleWindow"/> to 1 day, default 1 s.</summary>
    public TimeSpan LongestSettle { get; init; } = TimeSpan.FromSeconds(1);

    /// <summary>How often the files are looked at while events are to be had, should an event be lost. 1 ms to 1 day, default 10 s.</summary>
    public TimeSpan PollIntervalWithEvents { get; init; } = TimeSpan.FromSeconds(10);

    /// <summary>How often the files are looked at while events are not to be had. 1 ms to 1 day, default 1 s.</summary>
    public TimeSpan PollIntervalWithoutEvents { get; init; } = TimeSpan.FromSeconds(1);

    /// <summary>How long reading and judging the pair may take before it is given up. 1 ms to 1 day, default 5 s.</summary>
    public TimeSpan LoadTimeLimit { get; init; } = TimeSpan.FromSeconds(5);

    internal CertificateOptions WithFullPaths() =>
        this with { CertificatePath = FullPath(CertificatePath), KeyPath = FullPath(KeyPath) };

    internal IEnumerable<string> Errors()
    {
        if (!IsName(Name))
            yield return $"the name '{Name}' must be 1 to {LongestName} ASCII letters, digits, '-', '_' or '.'";
        if (!IsPath(CertificatePath))
            yield return $"pair '{Name}': {nameof(CertificatePath)} must name a PEM file";
        if (!IsPath(KeyPath))
            yield return $"pair '{Name}': {nameof(KeyPath)} must name a PEM file";

        foreach (var (option, value) in Durations())
        {
            if (value < ShortestDuration || value > LongestDuration)
                yield return $"pair '{Name}': {option} is {value}, and must be {ShortestDuration.TotalMilliseconds} ms to {LongestDuration.TotalDays} day";
        }

        if (LongestSettle < SettleWindow)
            yield return $"pair '{Name}': {nameof(LongestSettle)} ({LongestSettle}) must be at least {nameof(SettleWindow)} ({SettleWindow})";
    }

    // Where links are followed step by step, "link/.." is the directory above the link's target, and not that of the link.
    private static string FullPath(string path) =>
        OperatingSystem.IsWindows() ? Path.GetFullPath(path) : Path.Combine(Environment.CurrentDirectory, path);

    private IEnumerable<(string Option, TimeSpan Value)> Durations() =>
    [
        (nameof(SettleWindow), SettleWindow),
        (nameof(LongestSettle), LongestSettle),
        (nameof(PollIntervalWithEvents), PollIntervalWithEvents),
        (nameof(PollIntervalWithoutEvents), PollIntervalWithoutEvents),
        (nameof(LoadTimeLimit), LoadTimeLimit),
    ];

    private static bool IsName(string? name) =>
        name is { Length: > 0 and <= LongestName } && name.All(c => char.IsAsciiLetterOrDigit(c) || c is '-' or '_' or '.');

    private static bool IsPath(string? path) => !string.IsNullOrWhiteSpace(path) && !path.Contains('\0', StringComparison.Ordinal);
}
