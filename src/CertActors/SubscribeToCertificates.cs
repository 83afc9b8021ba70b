using Akka.Actor;

namespace CertActors;

/// <summary>
/// Asks the supervisor to send an actor every <see cref="CertificateChanged"/>, <see cref="CertificateReloadFailed"/>,
/// <see cref="CertificateRemoved"/>, <see cref="CertificateExpiring"/>, <see cref="TrustBundleChanged"/>, <see cref="TrustBundleReloadFailed"/>,
/// <see cref="TrustBundleExpiring"/>, <see cref="TrustBundleRemoved"/>, <see cref="GenerationDrained"/> and <see cref="WatchModeChanged"/>, the current state of
/// each pair and bundle first. The subscription ends when the actor stops. A second one of the same actor sends the current state again, and adds nothing.
/// </summary>
/// <param name="Subscriber">The actor that gets the messages.</param>
/// <example><code>
/// Receive&lt;GenerationChanged&gt;(change => …);
/// Receive&lt;CertificateEvent&gt;(_ => { }); // the others
/// supervisor.Tell(new SubscribeToCertificates(Self));
/// </code></example>
public sealed record SubscribeToCertificates(IActorRef Subscriber);

/// <summary>Ends a subscription; ignored if there is none.</summary>
/// <param name="Subscriber">The actor that gets no more messages.</param>
public sealed record UnsubscribeFromCertificates(IActorRef Subscriber);
