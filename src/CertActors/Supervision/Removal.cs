using Akka.Actor;
using CertActors.Reloading;

namespace CertActors.Supervision;

/// <summary>A pair or trust bundle that is being removed.</summary>
/// <param name="Known">What was known of it.</param>
/// <param name="Stopping">Its actor, which may still publish until it has stopped; null if none was running.</param>
/// <param name="ReloadState">What its actor remembers.</param>
internal sealed record Removal(ReloadableState Known, IActorRef? Stopping, ReloadState ReloadState)
{
    public string Name => Known.Name;

    public bool IsBundle => Known is BundleState;

    /// <summary>Whether only other options have left it out; false if a message has asked for the removal.</summary>
    public required bool IsUpdate { get; set; }

    /// <summary>What those get who wait for the end.</summary>
    public List<(IActorRef Asker, object Answer)> Answers { get; } = [];

    /// <summary>A pair or bundle of the same name, which is added at the end; null for none.</summary>
    public Addition? Addition { get; set; }
}

/// <summary>A pair or trust bundle that is being added: either <paramref name="Pair"/> or <paramref name="Bundle"/>, validated.</summary>
/// <param name="Name">Its name.</param>
/// <param name="Pair">The pair.</param>
/// <param name="Bundle">The bundle.</param>
/// <param name="IsConfigured">See <see cref="ReloadableState.IsConfigured"/>.</param>
/// <param name="Asker">Who gets the answer.</param>
internal sealed record Addition(string Name, CertificateOptions? Pair, TrustBundleOptions? Bundle, bool IsConfigured, IActorRef Asker)
{
    public bool IsBundle => Bundle is not null;

    public ReloadableState ToState() => Pair is not null
        ? new PairState(Pair, Pair.ToWatchedFiles()) { IsConfigured = IsConfigured }
        : new BundleState(Bundle!, Bundle!.ToWatchedFiles()) { IsConfigured = IsConfigured };

    public void Answer(params IReadOnlyList<string> errors) => Asker.Tell(
        Pair is not null ? new AddCertificateResult { Name = Name, Errors = errors } : new AddTrustBundleResult { Name = Name, Errors = errors });
}
