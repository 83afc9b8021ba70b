using Akka.Actor;

namespace CertActors.Supervision;

/// <summary>Brings the supervisor's pairs and trust bundles in line with other options. What they leave unchanged isn't touched.</summary>
internal sealed class Update(SupervisorState state, Membership membership)
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
        List<string> restored = [], removed = [], changed = [];

        // An earlier update may wait for the end of a removal, or have left out what is wanted again.
        foreach (var removal in state.Removals.ToArray())
        {
            if (removal.Addition is { IsConfigured: true } last)
            {
                removal.Addition = Take(removal.Name, last.IsBundle);
                if (removal.Addition is null)
                    removed.Add(removal.Name);
                else if (removal.Addition != last)
                    changed.Add(removal.Name);
            }

            if (removal is { IsUpdate: true, Addition: null } && Take(removal.Name, removal.IsBundle) is { } next)
            {
                restored.Add(removal.Name);
                membership.Restore(removal, next);
            }
        }

        foreach (var known in state.All.Where(known => known.IsConfigured && !restored.Contains(known.Name)).ToArray())
        {
            var next = Take(known.Name, known is BundleState);
            if (next is null)
            {
                removed.Add(known.Name);
                membership.Remove(known, isUpdate: true);
            }
            else if (!known.HasOptions(next))
            {
                changed.Add(known.Name);
                membership.Change(known, next);
            }
        }

        state.SetOrder(wanted.Select(one => one.Name));
        foreach (var addition in added.Values)
            membership.Add(addition);
        membership.Arrange();

        // Last, so that a default that is renamed continues to be served until the new one is loaded.
        membership.EndStopped();
        return new UpdateCertificatesResult { Added = [.. restored, .. added.Keys], Removed = removed, Changed = changed };

        Addition? Take(string name, bool isBundle) =>
            added.TryGetValue(name, out var next) && isBundle == next.IsBundle && added.Remove(name) ? next : null;
    }
}
