using Akka.Actor;

namespace CertActors.TestKit;

/// <summary>Stands in for the supervisor as the owner of a holder. What the holder reports to its owner is dropped.</summary>
internal sealed class TestOwner : MinimalActorRef
{
    private static int _count;

    // A name of its own: two references with one path are equal.
    public override ActorPath Path { get; } =
        new RootActorPath(Address.AllSystems) / "test-certificates" / $"{Interlocked.Increment(ref _count)}";

    public override IActorRefProvider Provider => throw new NotSupportedException("Test certificates have no actor system.");

    /// <summary>Whether the holder was given back. Guarded by the lock of <see cref="TestCertificates"/>.</summary>
    public bool IsOver { get; set; }
}
