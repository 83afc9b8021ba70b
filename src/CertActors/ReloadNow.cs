using CertActors.Diagnostics;

namespace CertActors;

/// <summary>
/// Asks the supervisor to load now, without waiting for an event. Answered with <see cref="ReloadNowResult"/> when everything that was requested is judged.
/// </summary>
/// <param name="Name">The name of a pair or a trust bundle; null for all.</param>
public sealed record ReloadNow(string? Name = null);

/// <summary>The outcome of a <see cref="ReloadNow"/>.</summary>
public sealed record ReloadNowResult
{
    /// <summary>One outcome for each requested pair and bundle, in no particular order. Compares by value.</summary>
    public required IReadOnlyList<ReloadOutcome> Outcomes
    {
        get;
        init => field = ValueList.Of(value);
    }
}

/// <summary>The outcome of loading one pair or trust bundle.</summary>
public sealed record ReloadOutcome
{
    /// <summary>The name, as it was requested.</summary>
    public required string Name { get; init; }

    /// <summary>Whether it was swapped, and if not, why.</summary>
    public required ReloadOutcomeKind Kind { get; init; }

    /// <summary>The generation that is served afterwards; 0 if none is.</summary>
    public required long Generation { get; init; }

    /// <summary>Why the load failed; null unless <see cref="Kind"/> is <see cref="ReloadOutcomeKind.Failed"/>.</summary>
    public ReloadFailed? Failure { get; init; }

    internal static ReloadOutcome Unknown(string name) => new() { Name = name, Kind = ReloadOutcomeKind.UnknownName, Generation = 0 };
}

/// <summary>The kinds of <see cref="ReloadOutcome"/>.</summary>
public enum ReloadOutcomeKind
{
    /// <summary>It was swapped.</summary>
    Changed,

    /// <summary>The files contain what is served.</summary>
    Unchanged,

    /// <summary>The load failed; what was served is still served.</summary>
    Failed,

    /// <summary>The supervisor has nothing of that name, or it was removed meanwhile.</summary>
    UnknownName,
}
