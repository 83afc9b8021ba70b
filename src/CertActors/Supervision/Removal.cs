using Akka.Actor;

namespace CertActors.Supervision;

/// <summary>A pair or trust bundle that is being removed.</summary>
/// <param name="Name">Its name.</param>
/// <param name="IsBundle">Whether it is a trust bundle.</param>
/// <param name="Stopping">Its actor, which may still publish until it has stopped; null if none was running.</param>
/// <param name="Askers">Who waits for the end.</param>
/// <param name="Additions">Requests for a pair or bundle of the same name, which wait for the end.</param>
internal sealed record Removal(string Name, bool IsBundle, IActorRef? Stopping, List<IActorRef> Askers, List<Addition> Additions)
{
    /// <summary>Whether only other options have left it out; false if a message has asked for the removal.</summary>
    public required bool IsUpdate { get; set; }
}

/// <summary>A request for one more pair or trust bundle: either <paramref name="Pair"/> or <paramref name="Bundle"/>.</summary>
/// <param name="Name">Its name.</param>
/// <param name="Pair">The pair.</param>
/// <param name="Bundle">The bundle.</param>
/// <param name="IsConfigured">See <see cref="ReloadableState.IsConfigured"/>.</param>
/// <param name="Asker">Who gets the answer.</param>
internal sealed record Addition(string Name, CertificateOptions? Pair, TrustBundleOptions? Bundle, bool IsConfigured, IActorRef Asker)
{
    public void Answer(IReadOnlyList<string> errors) => Asker.Tell(
        Pair is not null ? new AddCertificateResult { Name = Name, Errors = errors } : new AddTrustBundleResult { Name = Name, Errors = errors });
}
