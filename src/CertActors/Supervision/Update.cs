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
                Certificates = [.. options.Certificates, .. state.Pairs.Where(pair => !pair.IsConfigured).Select(pair => pair.Options)],
                TrustBundles = [.. options.TrustBundles, .. state.Bundles.Where(bundle => !bundle.IsConfigured).Select(bundle => bundle.Options)],
            }.Validated();
        }
        catch (CertificateOptionsException invalid)
        {
            return new UpdateCertificatesResult { Errors = invalid.Errors };
        }

        return Apply(
            wanted.Certificates.Take(options.Certificates.Count).ToDictionary(pair => pair.Name, StringComparer.Ordinal),
            wanted.TrustBundles.Take(options.TrustBundles.Count).ToDictionary(bundle => bundle.Name, StringComparer.Ordinal));
    }

    private UpdateCertificatesResult Apply(Dictionary<string, CertificateOptions> pairs, Dictionary<string, TrustBundleOptions> bundles)
    {
        // An earlier update may wait for the end of a removal.
        foreach (var removal in state.Removals)
            removal.Additions.RemoveAll(addition => addition.IsConfigured);

        List<string> removed = [], changed = [];
        foreach (var known in state.All.Where(known => known.IsConfigured).ToArray())
        {
            if (known is PairState pair && pairs.Remove(pair.Name, out var pairOptions))
            {
                if (pair.Options != pairOptions)
                    changed.Add(Change(pair, pairOptions));
            }
            else if (known is BundleState bundle && bundles.Remove(bundle.Name, out var bundleOptions))
            {
                if (bundle.Options != bundleOptions)
                    changed.Add(Change(bundle, bundleOptions));
            }
            else
            {
                removed.Add(known.Name);
                membership.Remove(known, ActorRefs.Nobody, isUpdate: true);
            }
        }

        // Bundles first, as a pair may name one.
        foreach (var bundle in bundles.Values)
            membership.Add(new Addition(bundle.Name, Pair: null, bundle, IsConfigured: true, ActorRefs.Nobody));
        foreach (var pair in pairs.Values)
            membership.Add(new Addition(pair.Name, pair, Bundle: null, IsConfigured: true, ActorRefs.Nobody));

        // Last, so that a default that is renamed continues to be served until the new one is loaded.
        membership.EndStopped();
        return new UpdateCertificatesResult { Added = [.. bundles.Keys, .. pairs.Keys], Removed = removed, Changed = changed };
    }

    private string Change(PairState pair, CertificateOptions options)
    {
        var changed = pair with { Options = options, Files = options.ToWatchedFiles() };
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
        var changed = bundle with { Options = options, Files = options.ToWatchedFiles() };
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
            state.Replace(known with { CurrentFailure = null, StuckSince = null });
    }
}
