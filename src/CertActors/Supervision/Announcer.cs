using Akka.Actor;
using CertActors.Diagnostics;
using Microsoft.Extensions.Logging;

namespace CertActors.Supervision;

/// <summary>Announces what happens to pairs: in the log, to the subscribers and on the event stream of the actor system.</summary>
/// <param name="subscribers">The subscribers, which outlive this incarnation of the supervisor.</param>
/// <param name="context">The supervisor's.</param>
/// <param name="log">The supervisor's.</param>
internal sealed class Announcer(HashSet<IActorRef> subscribers, IActorContext context, ILogger log)
{
    /// <summary>Watches the subscribers that the last incarnation of the supervisor had.</summary>
    public void Resume()
    {
        foreach (var subscriber in subscribers)
            context.Watch(subscriber);
    }

    /// <summary>Adds a subscriber, and sends it the present state of each pair.</summary>
    public void Subscribe(IActorRef subscriber, IEnumerable<PairState> pairs)
    {
        subscribers.Add(subscriber);
        context.Watch(subscriber);
        foreach (var announcement in pairs.SelectMany(pair => pair.Announced))
            subscriber.Tell(announcement);
    }

    public void Unsubscribe(IActorRef subscriber)
    {
        if (subscribers.Remove(subscriber))
            context.Unwatch(subscriber);
    }

    public void Announce(CertificateChanged change)
    {
        log.Changed(change.Name, change.Generation, change.Current.Sha256, change.Current.NotAfter, change.Reason);
        Publish(change);
    }

    public void Announce(CertificateReloadFailed failure)
    {
        log.Rejected(failure.Name, failure.Reason, failure.Message, failure.StillServed?.Sha256 ?? "nothing");
        Publish(failure);
    }

    public void Announce(CertificateExpiring expiring)
    {
        if (expiring.Remaining > TimeSpan.Zero)
            log.Expiring(expiring.Name, expiring.NotAfter, expiring.Remaining);
        else
            log.Expired(expiring.Name, expiring.NotAfter);
        Publish(expiring);
    }

    public void Announce(WatchModeChanged change)
    {
        log.ModeChanged(change.Name, change.Mode, change.Message);
        Publish(change);
    }

    private void Publish(object announcement)
    {
        foreach (var subscriber in subscribers)
            subscriber.Tell(announcement);
        context.System.EventStream.Publish(announcement);
    }
}
