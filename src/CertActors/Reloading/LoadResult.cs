using CertActors.Watching;

namespace CertActors.Reloading;

/// <summary>What came of a load.</summary>
internal abstract record LoadResult
{
    private LoadResult()
    {
    }

    public sealed record Accepted(LoadedPair Pair) : LoadResult;

    /// <param name="Reason">Why, for programs.</param>
    /// <param name="Message">Why, for people: path, reason, remedy.</param>
    /// <param name="Seen">The state of the files that was rejected; null if it couldn't be told.</param>
    public sealed record Rejected(RejectionReason Reason, string Message, PairSnapshot? Seen) : LoadResult;
}

/// <summary>A pair was judged bad. Caught where the load ends.</summary>
internal sealed class RejectedException(RejectionReason reason, string message) : Exception(message)
{
    public RejectionReason Reason { get; } = reason;
}
