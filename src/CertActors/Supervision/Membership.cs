using Akka.Actor;
using CertActors.Reloading;

namespace CertActors.Supervision;

/// <summary>Adds and removes pairs and trust bundles while the supervisor runs.</summary>
internal sealed class Membership(SupervisorState state, ActorTree tree, Announcer announcer, Reports reports, IActorContext supervisor)
{
    public void Add(AddCertificate add, IActorRef asker) => Add(new Addition(add.Certificate.Name, add.Certificate, Bundle: null, IsConfigured: false, asker));

    public void Add(AddTrustBundle add, IActorRef asker) => Add(new Addition(add.TrustBundle.Name, Pair: null, add.TrustBundle, IsConfigured: false, asker));

    public void Add(Addition addition)
    {
        if (state.Removals.Find(removal => removal.Name == addition.Name) is { } removal)
        {
            removal.Additions.Add(addition);
            return;
        }

        try
        {
            if (addition.Pair is { } pair)
                Add(pair, addition.IsConfigured);
            else
                Add(addition.Bundle!, addition.IsConfigured);
            addition.Answer([]);
        }
        catch (CertificateOptionsException invalid)
        {
            addition.Answer(invalid.Errors);
        }
    }

    public void RemovePair(string name, IActorRef asker)
    {
        if (state.TryFind(name, out var known) && known is PairState)
        {
            Remove(known, asker, isUpdate: false);
            EndStopped();
        }
        else if (state.Removals.Find(removal => removal.Name == name && !removal.IsBundle) is { } removal)
        {
            removal.IsUpdate = false;
            removal.Askers.Add(asker);
        }
        else
        {
            // An update may have removed it, and left it the default until the next one is loaded.
            asker.Tell(new RemoveCertificateResult { Name = name, WasKnown = state.Holder.RemoveLeaving(name, supervisor.System.Scheduler.Now) });
        }
    }

    public void RemoveBundle(string name, IActorRef asker)
    {
        if (state.TryFind(name, out var known) && known is BundleState)
        {
            string[] errors =
            [
                .. state.Pairs.Where(pair => pair.Options.MustChainTo == name)
                    .Select(pair => $"pair '{pair.Name}': {nameof(CertificateOptions.MustChainTo)} is '{name}'; remove the pair first, or give it another trust bundle"),
            ];
            if (errors.Length > 0)
            {
                asker.Tell(new RemoveTrustBundleResult { Name = name, WasKnown = true, Errors = errors });
                return;
            }

            Remove(known, asker, isUpdate: false);
            EndStopped();
        }
        else if (state.Removals.Find(removal => removal.Name == name && removal.IsBundle) is { } removal)
        {
            removal.Askers.Add(asker);
        }
        else
        {
            asker.Tell(new RemoveTrustBundleResult { Name = name, WasKnown = false, Errors = [] });
        }
    }

    /// <summary>Begins to remove a pair or bundle. It ends when its actor has stopped: see <see cref="TryEndRemoval"/> and <see cref="EndStopped"/>.</summary>
    public void Remove(ReloadableState known, IActorRef asker, bool isUpdate)
    {
        state.Removals.Add(new Removal(known.Name, known is BundleState, tree.Remove(known.Name), [asker], []) { IsUpdate = isUpdate });
        state.Remove(known.Name);
        state.Requests.CompleteAll(known.Name);
    }

    /// <summary>Ends the removals of those whose actors were not running.</summary>
    public void EndStopped()
    {
        foreach (var removal in state.Removals.Where(removal => removal.Stopping is null).ToArray())
            End(removal);
    }

    /// <summary>The actor of a pair or bundle has stopped, and publishes nothing any more.</summary>
    /// <returns>False if it isn't the actor of one that is being removed.</returns>
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

    /// <summary>Removes the pairs and trust bundles that an earlier supervisor had on the holder, and this one has not.</summary>
    public void RemoveAbandoned()
    {
        foreach (var (name, isBundle) in state.Holder.Abandoned())
            TakeOut(name, isBundle, untilNextDefault: true);
    }

    /// <summary>Ends all removals, as the supervisor stops for good.</summary>
    public void Close()
    {
        foreach (var removal in state.Removals)
        {
            foreach (var addition in removal.Additions)
                addition.Answer(["the supervisor has stopped"]);
            removal.Additions.Clear();
        }

        EndRemovals();
    }

    private void Add(CertificateOptions added, bool isConfigured)
    {
        var options = new CertificatesOptions
        {
            Certificates = [added],
            TrustBundles = [.. state.Bundles.Select(bundle => bundle.Options)],
        }.Validated().Certificates[0];
        RefuseTakenName(options.Name);
        if (options.IsDefault && state.Pairs.FirstOrDefault(pair => pair.Options.IsDefault) is { } marked)
            throw new CertificateOptionsException([$"'{marked.Name}' and '{options.Name}' have {nameof(CertificateOptions.IsDefault)}; set it for one pair at most"]);
        if (state.Pairs.FirstOrDefault(pair => pair.Options.HasFilesOf(options)) is { } same)
            throw new CertificateOptionsException([CertificatesOptions.SameFiles([same.Name, options.Name], options)]);

        var pair = new PairState(options, options.ToWatchedFiles()) { IsConfigured = isConfigured };
        state.Add(pair);
        tree.Add(pair, new ReloadablePair(options, pair.Files, state.Holder.Add(options), state.Holder.GetTrustBundle));
    }

    private void Add(TrustBundleOptions added, bool isConfigured)
    {
        var options = added.Validated();
        RefuseTakenName(options.Name);
        var bundle = new BundleState(options, options.ToWatchedFiles()) { IsConfigured = isConfigured };
        state.Add(bundle);
        tree.Add(bundle, new ReloadableBundle(options, bundle.Files, state.Holder.AddBundle(options.Name)));
    }

    private void RefuseTakenName(string name)
    {
        if (state.HasName(name))
            throw new CertificateOptionsException([$"the name '{name}' is taken; give each pair and trust bundle a name of its own"]);
    }

    private void End(Removal removal)
    {
        state.Removals.Remove(removal);
        TakeOut(removal.Name, removal.IsBundle, removal.IsUpdate);
        foreach (var asker in removal.Askers)
            asker.Tell(removal.IsBundle ? new RemoveTrustBundleResult { Name = removal.Name, WasKnown = true, Errors = [] } : new RemoveCertificateResult { Name = removal.Name, WasKnown = true });
        foreach (var addition in removal.Additions)
            Add(addition);
    }

    private void TakeOut(string name, bool isBundle, bool untilNextDefault)
    {
        var now = supervisor.System.Scheduler.Now;
        if (isBundle)
        {
            announcer.Announce(new TrustBundleRemoved { Name = name, Generation = state.Holder.RemoveBundle(name), At = now });
            return;
        }

        var generations = state.Holder.Remove(name, now, untilNextDefault);
        announcer.Announce(new CertificateRemoved { Name = name, Generation = generations is [.., var last] ? last.Generation : 0, At = now });
        if (state.Holder.CountsConnections)
            reports.AddRemoved(name, generations, now);
    }
}
