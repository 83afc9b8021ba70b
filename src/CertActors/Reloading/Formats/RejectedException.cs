namespace CertActors.Reloading.Formats;

/// <summary>The files cannot be read or do not form a pair. It becomes a verdict, and is never thrown out of a load.</summary>
internal sealed class RejectedException(RejectionReason reason, string message) : Exception(message)
{
    public RejectionReason Reason { get; } = reason;
}
