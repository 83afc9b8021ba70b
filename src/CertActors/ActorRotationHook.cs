using Akka.Actor;

namespace CertActors;

/// <summary>
/// A hook that is an actor. Before a swap it is sent <see cref="SwapProposed"/>, and answers with <see cref="SwapAnswer"/>; after it,
/// <see cref="GenerationChanged"/>, and <see cref="GenerationDrained"/> when the old generation has drained.
/// </summary>
/// <param name="actor">The actor.</param>
/// <param name="timeLimit">How long an answer may take; null for 5 s.</param>
/// <example><code>
/// var hook = new ActorRotationHook(system.ActorOf(Props.Create(() => new Approver()), "approver"));
/// var certificates = await CertificateSupervisor.StartAsync(system, holder, options, hooks: [hook]);
/// </code></example>
public sealed class ActorRotationHook(IActorRef actor, TimeSpan? timeLimit = null) : IRotationHook
{
    /// <summary>The actor's path.</summary>
    public string Name => actor.Path.ToStringWithoutAddress();

    /// <inheritdoc/>
    public TimeSpan TimeLimit => timeLimit ?? TimeSpan.FromSeconds(5);

    /// <inheritdoc/>
    public async Task<string?> BeforeSwapAsync(GenerationChanged change, CancellationToken cancellationToken) =>
        (await actor.Ask<SwapAnswer>(new SwapProposed(change), cancellationToken).ConfigureAwait(false)).Veto;

    /// <inheritdoc/>
    public Task AfterSwapAsync(GenerationChanged change, CancellationToken cancellationToken)
    {
        actor.Tell(change, ActorRefs.NoSender);
        return Task.CompletedTask;
    }

    /// <inheritdoc/>
    public Task AfterDrainAsync(GenerationDrained drained, CancellationToken cancellationToken)
    {
        actor.Tell(drained, ActorRefs.NoSender);
        return Task.CompletedTask;
    }
}

/// <summary>Asks an actor whether a swap may take place (<see cref="ActorRotationHook"/>). Answered with <see cref="SwapAnswer"/>.</summary>
/// <param name="Next">The swap as it would be announced.</param>
public sealed record SwapProposed(GenerationChanged Next);

/// <summary>The answer to <see cref="SwapProposed"/>.</summary>
/// <param name="Veto">Null to let the swap take place; for people, why it must not otherwise.</param>
public sealed record SwapAnswer(string? Veto);
