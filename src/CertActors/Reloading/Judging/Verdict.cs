using CertActors.Reloading.Formats;

namespace CertActors.Reloading.Judging;

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
