namespace CertActors.Reloading;

/// <summary>What a pair was judged to be.</summary>
internal abstract record Verdict
{
    private Verdict()
    {
    }

    /// <param name="Pair">Ready to be served.</param>
    /// <param name="Warnings">What is to be known of it all the same.</param>
    /// <param name="LacksIssuer">Whether the chain may still be appended to: the served one goes on where this one ends.</param>
    public sealed record Accepted(LoadedPair Pair, IReadOnlyList<string> Warnings, bool LacksIssuer) : Verdict;

    /// <summary>The chain and the key are those that are served.</summary>
    public sealed record Unchanged : Verdict
    {
        public static readonly Unchanged Instance = new();
    }

    /// <param name="Reason">Why, for programs.</param>
    /// <param name="Message">Why, for people: path, reason, remedy.</param>
    public sealed record Rejected(RejectionReason Reason, string Message) : Verdict;
}

/// <summary>What came of a load.</summary>
/// <param name="Verdict">The judgement.</param>
/// <param name="Tags">The contents that were read; null if they went on changing.</param>
/// <param name="Warnings">What is to be known of the files.</param>
internal sealed record LoadResult(Verdict Verdict, PairTags? Tags, IReadOnlyList<FileWarning> Warnings);

/// <summary>A pair was judged bad. Caught where the judgement ends.</summary>
internal sealed class RejectedException(RejectionReason reason, string message) : Exception(message)
{
    public RejectionReason Reason { get; } = reason;
}
