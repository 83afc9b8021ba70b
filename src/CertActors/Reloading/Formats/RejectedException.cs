namespace CertActors.Reloading.Formats;

/// <summary>A pair was judged bad. Caught where the judgement ends.</summary>
internal sealed class RejectedException(RejectionReason reason, string message) : Exception(message)
{
    public RejectionReason Reason { get; } = reason;
}
