using Akka.Actor;

namespace CertActors.Reloading;

/// <summary>Who decides before a swap.</summary>
/// <param name="Hooks">Gets <see cref="SwapProposal"/>.</param>
/// <param name="TimeLimit">The time after which the answer is no longer waited for: it is lost when the actor of the hooks fails.</param>
internal sealed record SwapGate(ICanTell Hooks, TimeSpan TimeLimit);
