using Akka.Actor;
using CertActors.Reloading;

namespace CertActors.Supervision;

/// <summary>Adds and removes pairs while the supervisor runs.</summary>
internal sealed class Membership(SupervisorState state, ActorTree tree, Announcer announcer, Reports reports, IActorContext supervisor)
{
    public void Add(AddCertificate add, IActorRef sender)
    {
        var name = add.Certificate.Name;
        if (state.Removals.Find(removal => removal.Name == name) is { } removal)
        {
            removal.Adds.Add((add, sender));
            return;
        }

        try
        {
            var options = new CertificateSupervisorOptions
            {
                Certificates = [add.Certificate],
                TrustBundles = [.. state.Bundles.Select(bundle => bundle.Options)],
            }.Validated().Certificates[0];
            if (state.HasName(name))
                throw new CertificateOptionsException([$"the name '{name}' is taken; give each pair a name of its own"]);
            if (options.IsDefault && state.Pairs.FirstOrDefault(pair => pair.Options.IsDefault) is { } marked)
                throw new CertificateOptionsException([$"'{marked.Name}' and '{name}' have {nameof(CertificateOptions.IsDefault)}; set it for one pair at most"]);
            var pair = state.Add(options);
            tree.Add(pair, new ReloadablePair(options, pair.Files, state.Holder.Add(options), state.Holder.GetTrustBundle));
            sender.Tell(new AddCertificateResult { Name = name, Errors = [] });
        }
        catch (CertificateOptionsException invalid)
        {
            sender.Tell(new AddCertificateResult { Name = name, Errors = invalid.Errors });
        }
    }

    public void Remove(string name, IActorRef sender)
    {
        if (state.TryFind(name, out var known) && known is PairState)
        {
            var removal = new Removal(name, tree.Remove(name), [sender], []);
            state.Removals.Add(removal);
            state.Remove(name);
            state.Requests.CompleteAll(name);
            if (removal.Stopping is null)
                End(removal);
        }
        else if (state.Removals.Find(removal => removal.Name == name) is { } removal)
        {
            removal.Askers.Add(sender);
        }
        else
        {
            sender.Tell(new RemoveCertificateResult { Name = name, WasKnown = false });
        }
    }

    /// <summary>A pair's actor has stopped, and publishes nothing any more.</summary>
    /// <returns>False if it isn't the actor of a pair that is being removed.</returns>
    public bool TryEndRemoval(IActorRef stopped)
    {
        if (state.Removals.Find(removal => stopped.Equals(removal.Stopping)) is not { } removal)
            return false;
        End(removal);
        return true;
    }

    /// <summary>Ends all removals: the actors have stopped with the supervisor's last incarnation.</summary>
    public void EndRemovals()
    {
        foreach (var removal in state.Removals.ToArray())
            End(removal);
    }

    /// <summary>Ends all removals, as the supervisor stops for good.</summary>
    public void Close()
    {
        foreach (var removal in state.Removals)
        {
            foreach (var (add, sender) in removal.Adds)
                sender.Tell(new AddCertificateResult { Name = add.Certificate.Name, Errors = ["the supervisor has stopped"] });
            removal.Adds.Clear();
        }

        EndRemovals();
    }

    private void End(Removal removal)
    {
        state.Removals.Remove(removal);
        var now = supervisor.System.Scheduler.Now;
        var generations = state.Holder.Remove(removal.Name, now);
        announcer.Announce(new CertificateRemoved { Name = removal.Name, Generation = generations is [.., var last] ? last.Generation : 0, At = now });
        if (state.Holder.CountsConnections)
            reports.AddRemoved(removal.Name, generations, now);
        foreach (var asker in removal.Askers)
            asker.Tell(new RemoveCertificateResult { Name = removal.Name, WasKnown = true });
        foreach (var (add, sender) in removal.Adds)
            Add(add, sender);
    }
}

/// <summary>A pair that is being removed.</summary>
/// <param name="Name">Its name.</param>
/// <param name="Stopping">Its actor, which may still publish until it has stopped; null if none was running.</param>
/// <param name="Askers">Who waits for the end.</param>
/// <param name="Adds">Requests for a pair of the same name, which wait for the end.</param>
internal sealed record Removal(string Name, IActorRef? Stopping, List<IActorRef> Askers, List<(AddCertificate Request, IActorRef Sender)> Adds);
