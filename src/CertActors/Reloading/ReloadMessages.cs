using System.Collections.Immutable;
using Akka.Actor;
using Akka.Event;

namespace CertActors.Reloading;

/// <summary>Requests a load. Received by the <see cref="ReloadActor"/>.</summary>
/// <param name="Reason">Why it is loaded.</param>
/// <param name="Request">The number of the <see cref="ReloadNow"/> that waits for the outcome; 0 for none.</param>
/// <param name="TouchedAt">When the files were touched first; null if no touch leads to the load.</param>
internal sealed record Reload(ReloadReason Reason, long Request = 0, DateTimeOffset? TouchedAt = null) : IDeadLetterSuppression;

/// <summary>To the hooks: what was loaded is accepted, and may be swapped in unless one of them has a veto. Answered with <see cref="SwapDecision"/>.</summary>
/// <param name="Attempt">The load.</param>
/// <param name="Next">The swap as it would be announced.</param>
internal sealed record SwapProposal(LoadAttempt Attempt, GenerationChanged Next) : INoSerializationVerificationNeeded, IDeadLetterSuppression
{
    public override string ToString() => nameof(SwapProposal);
}

/// <summary>The answer to <see cref="SwapProposal"/>.</summary>
/// <param name="Attempt">The load.</param>
/// <param name="Veto">Who has vetoed it, and why; null if nobody has.</param>
internal sealed record SwapDecision(LoadAttempt Attempt, string? Veto) : INoSerializationVerificationNeeded, IDeadLetterSuppression
{
    public override string ToString() => nameof(SwapDecision);
}

/// <summary>A load was judged, or given up. Sent by a <see cref="ReloadActor"/> to its parent.</summary>
/// <param name="Name">The name of what was loaded.</param>
/// <param name="Change">The swap; null if there was none.</param>
/// <param name="Failure">Why the load failed; null if it did not. With neither a change nor a failure, the files contain what is served.</param>
/// <param name="IsRepeated">Whether the failure was reported before: see <see cref="StandingRejection"/>.</param>
/// <param name="Warnings">Warnings that were not given before.</param>
/// <param name="Requests">The numbers of the requests that this answers.</param>
internal sealed record Judged(
    string Name, GenerationChanged? Change, ReloadFailed? Failure, bool IsRepeated, IReadOnlyList<string> Warnings, ImmutableArray<long> Requests)
    : INoSerializationVerificationNeeded, IDeadLetterSuppression
{
    /// <summary>From the start of the load to its end; null if no load is reported.</summary>
    public TimeSpan? Duration { get; init; }

    /// <summary>From the first touch of the files to the swap; null if there was no swap, or no touch led to it.</summary>
    public TimeSpan? Latency { get; init; }

    /// <summary>The outcome, as metrics and traces have it.</summary>
    public string Outcome => this switch
    {
        { Failure: not null } => "rejected",
        { Change: not null } => "changed",
        _ => "unchanged",
    };

    public override string ToString() => nameof(Judged);
}

/// <summary>
/// A load that was given up holds its thread, or has released it. Sent by a <see cref="ReloadActor"/> to its parent when that changes, before
/// the <see cref="Judged"/> of the same load, and when the actor starts after a load that was given up.
/// </summary>
/// <param name="Name">The name of what was loaded.</param>
/// <param name="Since">When it was given up, if it holds its thread, so that no other can start; null if it has released it.</param>
internal sealed record LoadStuck(string Name, DateTimeOffset? Since) : IDeadLetterSuppression;
