using Akka.Actor;

namespace CertActors.Supervision;

/// <summary>Adds and removes pairs and trust bundles while the supervisor runs.</summary>
internal sealed class Membership(SupervisorState state, ActorTree tree, Announcer announcer, Reports reports, IActorContext supervisor)
{
    public void Add(AddCertificate add, IActorRef asker)
    {
        try
        {
            var pair = Validated(add.Certificate);
            Add(new Addition(pair.Name, pair, Bundle: null, IsConfigured: false, asker));
        }
        catch (CertificateOptionsException invalid)
        {
            asker.Tell(new AddCertificateResult { Name = add.Certificate.Name, Errors = invalid.Errors });
        }
    }

    public void Add(AddTrustBundle add, IActorRef asker)
    {
        try
        {
            var bundle = add.TrustBundle.Validated();
            RefuseTakenName(bundle.Name);
            Add(new Addition(bundle.Name, Pair: null, bundle, IsConfigured: false, asker));
        }
        catch (CertificateOptionsException invalid)
        {
            asker.Tell(new AddTrustBundleResult { Name = add.TrustBundle.Name, Errors = invalid.Errors });
        }
    }

    /// <summary>Adds what is valid together with all that is there: at once, or when the removal of its name has ended.</summary>
    public void Add(Addition addition)
    {
        if (state.Removals.Find(removal => removal.Name == addition.Name) is { } removal)
        {
            removal.Addition = addition;
            return;
        }

        var added = addition.ToState();
        state.Add(added);
        tree.Add(added);
        addition.Answer();
    }

    /// <summary>Gives a pair or bundle other options. What is served stays.</summary>
    public void Change(ReloadableState known, Addition next)
    {
        var changed = known.WithOptions(next);
        state.Change(changed);
        tree.Change(changed);
    }

    /// <summary>Ends a removal as if it had not begun, as other options have the pair or bundle again: it continues to be served.</summary>
    /// <param name="removal">A removal whose actor is about to stop.</param>
    /// <param name="next">What the options have.</param>
    public void Restore(Removal removal, Addition next)
    {
        state.Removals.Remove(removal);
        foreach (var (asker, answer) in removal.Answers)
            asker.Tell(answer);
        state.Add(removal.Known, removal.ReloadState);
        var restored = removal.Known.WithOptions(next);
        state.Change(restored);
        tree.Restore(restored, removal.Stopping!);
        reports.AddMissed(restored, supervisor.System.Scheduler.Now);
    }

    public void RemovePair(string name, IActorRef asker)
    {
        var removed = new RemoveCertificateResult { Name = name, WasKnown = true };
        if (state.TryFind(name, out var known) && known is PairState)
        {
            Remove(known, isUpdate: false, (asker, removed));
            EndStopped();
        }
        else if (state.Removals.Find(removal => removal.Name == name && (!removal.IsBundle || removal.Addition?.Pair is not null)) is { } removal)
        {
            Join(removal, isBundle: false, asker, removed);
        }
        else
        {
            // An update may have removed it, and left it the default until the next one is loaded.
            asker.Tell(removed with { WasKnown = state.Holder.RemoveLeaving(name, supervisor.System.Scheduler.Now) });
        }
    }

    public void RemoveBundle(string name, IActorRef asker)
    {
        var removed = new RemoveTrustBundleResult { Name = name, WasKnown = true, Errors = [] };
        string[] errors =
        [
            .. state.PairOptions().Where(pair => pair.MustChainTo == name)
                .Select(pair => $"pair '{pair.Name}': {nameof(CertificateOptions.MustChainTo)} is '{name}'; remove the pair first, or give it another trust bundle"),
        ];
        if (errors.Length > 0)
        {
            asker.Tell(removed with { Errors = errors });
        }
        else if (state.TryFind(name, out var known) && known is BundleState)
        {
            Remove(known, isUpdate: false, (asker, removed));
            EndStopped();
        }
        else if (state.Removals.Find(removal => removal.Name == name && (removal.IsBundle || removal.Addition?.Bundle is not null)) is { } removal)
        {
            Join(removal, isBundle: true, asker, removed);
        }
        else
        {
            asker.Tell(removed with { WasKnown = false });
        }
    }

    /// <summary>Begins to remove a pair or bundle. It ends when its actor has stopped: see <see cref="TryEndRemoval"/> and <see cref="EndStopped"/>.</summary>
    public void Remove(ReloadableState known, bool isUpdate, params ReadOnlySpan<(IActorRef Asker, object Answer)> answers)
    {
        var stopping = tree.Remove(known.Name);
        var removal = new Removal(known, stopping, state.Remove(known.Name)) { IsUpdate = isUpdate };
        removal.Answers.AddRange(answers);
        state.Removals.Add(removal);
        state.Requests.CompleteAll(known.Name);
    }

    /// <summary>Follows the order of the options, by which a pair is the default, and one of those answers that have a server name.</summary>
    public void Arrange()
    {
        state.Arrange();
        state.Holder.Arrange([.. state.Pairs.Select(pair => pair.Name)], state.Default);
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
            Cancel(removal, "the supervisor has stopped");
        EndRemovals();
    }

    // A message asks for the removal of a name of which there is one under way: of that, or of what is added at its end, if that is of another kind.
    private void Join(Removal removal, bool isBundle, IActorRef asker, object answer)
    {
        if (removal.Addition?.IsBundle == isBundle)
        {
            Cancel(removal, $"'{removal.Name}' was removed again before it was added");
            ArrangeUnlessMoreIsAdded();
        }

        if (removal.IsBundle == isBundle)
            removal.IsUpdate = false;
        removal.Answers.Add((asker, answer));
    }

    private static void Cancel(Removal removal, string why)
    {
        removal.Addition?.Answer(why);
        removal.Addition = null;
    }

    private CertificateOptions Validated(CertificateOptions added)
    {
        var options = new CertificatesOptions { Certificates = [added], TrustBundles = [.. state.BundleOptions()] }.Validated().Certificates[0];
        RefuseTakenName(options.Name);
        if (options.IsDefault && state.PairOptions().FirstOrDefault(pair => pair.IsDefault) is { } marked)
            throw new CertificateOptionsException([$"'{marked.Name}' and '{options.Name}' have {nameof(CertificateOptions.IsDefault)}; set it for one pair at most"]);
        if (state.PairOptions().FirstOrDefault(pair => pair.HasFilesOf(options)) is { } same)
            throw new CertificateOptionsException([CertificatesOptions.SameFiles([same.Name, options.Name], options)]);
        return options;
    }

    private void RefuseTakenName(string name)
    {
        if (state.HasName(name))
            throw new CertificateOptionsException([$"the name '{name}' is taken; give each pair and trust bundle a name of its own"]);
    }

    private void End(Removal removal)
    {
        // The default is that of the options with what is added.
        if (state.Holder.IsDefault(removal.Name))
            state.Holder.SetDefault(state.Default);
        state.Removals.Remove(removal);
        TakeOut(removal.Name, removal.IsBundle, removal.IsUpdate);
        foreach (var (asker, answer) in removal.Answers)
            asker.Tell(answer);
        if (removal.Addition is not { } addition)
            return;
        Add(addition);
        ArrangeUnlessMoreIsAdded();
    }

    private void ArrangeUnlessMoreIsAdded()
    {
        if (state.Removals.TrueForAll(other => other.Addition is null))
            Arrange();
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
