using Akka.Actor;
using CertActors.Reloading;

namespace CertActors.Supervision;

/// <summary>Brings the supervisor's pairs and trust bundles in line with other options. What they leave unchanged isn't touched.</summary>
internal sealed class Update(SupervisorState state, ActorTree tree, Membership membership)
{
    public UpdateCertificatesResult Apply(CertificatesOptions options)
    {
        CertificatesOptions wanted;
        try
        {
            // What messages have added stays, and so must agree with the options.
            wanted = new CertificatesOptions
            {
                Certificates = [.. options.Certificates, .. state.PairOptions(withConfigured: false)],
                TrustBundles = [.. options.TrustBundles, .. state.BundleOptions(withConfigured: false)],
            }.Validated();
        }
        catch (CertificateOptionsException invalid)
        {
            return new UpdateCertificatesResult { Errors = invalid.Errors };
        }

        // Bundles first, as a pair may name one.
        return Apply(
        [
            .. wanted.TrustBundles.Take(options.TrustBundles.Count).Select(bundle => new Addition(bundle.Name, Pair: null, bundle, IsConfigured: true, ActorRefs.Nobody)),
            .. wanted.Certificates.Take(options.Certificates.Count).Select(pair => new Addition(pair.Name, pair, Bundle: null, IsConfigured: true, ActorRefs.Nobody)),
        ]);
    }

    private UpdateCertificatesResult Apply(IReadOnlyList<Addition> wanted)
    {
        var added = wanted.ToDictionary(one => one.Name, StringComparer.Ordinal);
        List<string> removed = [], changed = [];

        // An earlier update may wait for the end of a removal.
        foreach (var removal in state.Removals.Where(removal => removal.Addition is { IsConfigured: true }))
        {
            var (name, last) = (removal.Name, removal.Addition!);
            removal.Addition = Take(name, last.IsBundle);
            if (removal.Addition is null)
                removed.Add(name);
            else if (removal.Addition != last)
                changed.Add(name);
        }

        foreach (var known in state.All.Where(known => known.IsConfigured).ToArray())
        {
            var next = Take(known.Name, known is BundleState);
            if (next is null)
            {
                removed.Add(known.Name);
                membership.Remove(known, isUpdate: true);
            }
            else if (known is PairState pair && pair.Options != next.Pair)
            {
                changed.Add(Change(pair, next.Pair!));
            }
            else if (known is BundleState bundle && bundle.Options != next.Bundle)
            {
                changed.Add(Change(bundle, next.Bundle!));
            }
        }

        state.SetOrder(wanted.Select(one => one.Name));
        foreach (var addition in added.Values)
            membership.Add(addition);
        membership.Arrange();

        // Last, so that a default that is renamed continues to be served until the new one is loaded.
        membership.EndStopped();
        return new UpdateCertificatesResult { Added = [.. added.Keys], Removed = removed, Changed = changed };

        Addition? Take(string name, bool isBundle) =>
            added.TryGetValue(name, out var next) && isBundle == next.IsBundle && added.Remove(name) ? next : null;
    }

    private string Change(PairState pair, CertificateOptions options)
    {
        var changed = pair with { Options = options, Files = options.ToWatchedFiles(), IsChecked = false };
        state.Change(changed);
        tree.Change(changed, () =>
        {
            ForgetLoads(pair.Name);
            return new ReloadablePair(options, changed.Files, state.Holder.Replace(options), state.Holder.GetTrustBundle);
        });
        return pair.Name;
    }

    private string Change(BundleState bundle, TrustBundleOptions options)
    {
        var changed = bundle with { Options = options, Files = options.ToWatchedFiles(), IsChecked = false };
        state.Change(changed);
        tree.Change(changed, () =>
        {
            ForgetLoads(bundle.Name);
            return new ReloadableBundle(options, changed.Files, state.Holder.AddBundle(options.Name));
        });
        return bundle.Name;
    }

    // Once the actor of the last files has stopped: its reports have been handled by then, and none of them is true of the next files.
    private void ForgetLoads(string name)
    {
        if (state.TryFind(name, out var known))
            state.Replace(known.WithoutLoads());
    }
}
