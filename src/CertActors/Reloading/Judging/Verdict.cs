using CertActors.Reloading.Formats;

namespace CertActors.Reloading.Judging;

/// <summary>The outcome of judging a pair.</summary>
internal abstract record Verdict
{
    private Verdict()
    {
    }

    /// <param name="Pair">Ready to be served. The receiver publishes or disposes of it.</param>
    /// <param name="Warnings">What is wrong with it nevertheless. For people: path, reason, remedy.</param>
    /// <param name="LacksIssuer">Whether the chain looks as if intermediates are still to be appended to the file.</param>
    public sealed record Accepted(LoadedPair Pair, IReadOnlyList<string> Warnings, bool LacksIssuer) : Verdict;

    /// <summary>The files contain the chain and the key that are served.</summary>
    public sealed record Unchanged : Verdict
    {
        public static readonly Unchanged Instance = new();
    }

    /// <param name="Reason">For programs.</param>
    /// <param name="Message">For people: path, reason, remedy.</param>
    public sealed record Rejected(RejectionReason Reason, string Message) : Verdict;
}
