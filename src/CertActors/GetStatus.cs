using CertActors.Diagnostics;

namespace CertActors;

/// <summary>Asks the supervisor for the state of every pair; answered with <see cref="CertificateSupervisorStatus"/>.</summary>
public sealed record GetStatus
{
    /// <summary>A shared instance.</summary>
    public static GetStatus Instance { get; } = new();
}

/// <summary>The state of every pair.</summary>
public sealed record CertificateSupervisorStatus
{
    /// <summary>One for each pair, in the order of the options. Compares by value.</summary>
    public required IReadOnlyList<CertificateStatus> Certificates
    {
        get;
        init => field = ValueList.Of(value);
    }
}

/// <summary>The state of a pair.</summary>
public sealed record CertificateStatus
{
    /// <summary>The pair's name.</summary>
    public required string Name { get; init; }

    /// <summary>The last swap: what is served, since when and why; null before the first load.</summary>
    public CertificateChanged? LastChange { get; init; }

    /// <summary>Why the present files are rejected; null if the last load was good, or none has ended yet.</summary>
    public CertificateReloadFailed? LastFailure { get; init; }

    /// <summary>How changes are noticed; <see cref="WatchMode.Polling"/> until events are known to be available.</summary>
    public required WatchMode WatchMode { get; init; }

    /// <summary>Whether a load that was given up still occupies its thread, so that the pair can't start another.</summary>
    public required bool LoadStuck { get; init; }

    /// <summary>The outcomes of its loads so far.</summary>
    public required LoadCounts Loads { get; init; }
}

/// <summary>How the loads of a pair have ended. A load that is held, because its rotation looks half finished, isn't counted.</summary>
public sealed record LoadCounts
{
    /// <summary>How many were swapped in.</summary>
    public long Changed { get; init; }

    /// <summary>How many had the chain and the key that were served.</summary>
    public long Unchanged { get; init; }

    /// <summary>How many were rejected, repetitions included.</summary>
    public long Rejected { get; init; }
}
