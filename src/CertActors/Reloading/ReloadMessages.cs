using System.Collections.Immutable;
using Akka.Actor;
using Akka.Event;

namespace CertActors.Reloading;

/// <summary>To a pair's <see cref="ReloadActor"/>: load.</summary>
/// <param name="Reason">Why.</param>
/// <param name="Request">The <see cref="ReloadNow"/> that waits for the outcome; 0 for none.</param>
internal sealed record Reload(ReloadReason Reason, long Request = 0) : IDeadLetterSuppression;

/// <summary>From a pair's <see cref="ReloadActor"/> to the supervisor: a load was judged.</summary>
/// <param name="Pair">The pair's name.</param>
/// <param name="Change">The swap, if it came to one.</param>
/// <param name="Failure">Why not, if the pair was rejected. With neither, the chain and the key are those that are served.</param>
/// <param name="IsRepeated">Whether the failure is no news: see <see cref="StandingRejection"/>.</param>
/// <param name="Warnings">What is to be known of it besides.</param>
/// <param name="Requests">The requests that it answers.</param>
internal sealed record PairJudged(
    string Pair, CertificateChanged? Change, CertificateReloadFailed? Failure, bool IsRepeated, IReadOnlyList<string> Warnings, ImmutableArray<long> Requests)
    : INoSerializationVerificationNeeded, IDeadLetterSuppression
{
    public override string ToString() => nameof(PairJudged);
}
