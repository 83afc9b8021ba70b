using Akka.Event;

namespace CertActors.Holding;

/// <summary>Two pairs have a server name. Sent to the owner of the holder when the second of them gets it, the pair before them loses it, or they change places.</summary>
/// <param name="ServerName">The name.</param>
/// <param name="First">The pair that answers to it: the earlier in the options.</param>
/// <param name="Other">The other pair.</param>
internal sealed record NameConflict(string ServerName, string First, string Other) : IDeadLetterSuppression;
