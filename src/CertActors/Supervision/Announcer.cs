using Akka.Actor;
using CertActors.Diagnostics;
using Microsoft.Extensions.Logging;

namespace CertActors.Supervision;

/// <summary>Announces what happens: in the log, to the subscribers and on the event stream of the actor system.</summary>
/// <param name="subscribers">The subscribers, which outlive this incarnation of the supervisor.</param>
/// <param name="recent">What was announced, for the status.</param>
/// <param name="callHooks">Has the hooks called after a swap or a drain.</param>
/// <param name="context">The supervisor's.</param>
/// <param name="log">The supervisor's.</param>
internal sealed class Announcer(HashSet<IActorRef> subscribers, RecentEvents recent, Action<object> callHooks, IActorContext context, ILogger log)
{
    /// <summary>Watches the subscribers that the last incarnation of the supervisor had.</summary>
    public void Resume()
    {
        foreach (var subscriber in subscribers)
            context.Watch(subscriber);
    }

    /// <summary>Adds a subscriber, and sends it the present state.</summary>
    public void Subscribe(IActorRef subscriber, IEnumerable<ReloadableState> all)
    {
        subscribers.Add(subscriber);
        context.Watch(subscriber);
        foreach (var announcement in all.SelectMany(known => known.Announced))
            subscriber.Tell(announcement);
    }

    public void Unsubscribe(IActorRef subscriber)
    {
        if (subscribers.Remove(subscriber))
            context.Unwatch(subscriber);
    }

    public void Announce(GenerationChanged change)
    {
        if (change is CertificateChanged pair)
            log.Changed(pair.Name, pair.Generation, pair.Current.Sha256, pair.Current.NotAfter, pair.Reason);
        else if (change is TrustBundleChanged bundle)
            log.BundleChanged(bundle);
        Publish(change);
        callHooks(change);
    }

    public void Announce(ReloadFailed failure)
    {
        if (failure is CertificateReloadFailed pair)
            log.Rejected(pair.Name, pair.Reason, pair.Message, pair.StillServed?.Sha256 ?? "nothing");
        else if (failure is TrustBundleReloadFailed bundle)
            log.BundleRejected(bundle);
        Publish(failure);
    }

    public void Announce(CertificateExpiring expiring)
    {
        log.CertificateExpiring(expiring);
        Publish(expiring);
    }

    public void Announce(TrustBundleExpiring expiring)
    {
        log.BundleExpiring(expiring);
        Publish(expiring);
    }

    public void Announce(CertificateRemoved removed)
    {
        log.Removed(removed.Name, removed.Generation);
        Publish(removed);
    }

    public void Announce(TrustBundleRemoved removed)
    {
        log.BundleRemoved(removed.Name, removed.Generation);
        Publish(removed);
    }

    public void Announce(WatchModeChanged change)
    {
        log.ModeChanged(change.Name, change.Mode, change.Message);
        Publish(change);
    }

    public void Announce(GenerationDrained drained)
    {
        log.Drained(drained.Name, drained.Generation, drained.At - drained.SupersededAt);
        Publish(drained);
        callHooks(drained);
    }

    private void Publish(CertificateEvent announcement)
    {
        recent.Add(announcement);
        foreach (var subscriber in subscribers)
            subscriber.Tell(announcement);
        context.System.EventStream.Publish(announcement);
    }
}
