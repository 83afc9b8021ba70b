namespace CertActors.Reloading.Judging;

/// <summary>The outcome of judging files.</summary>
internal abstract record Verdict
{
    private Verdict()
    {
    }

    /// <param name="Loaded">Ready to be served. The receiver publishes or disposes of it.</param>
    /// <param name="Warnings">What is wrong with it nevertheless. For people: path, reason, remedy.</param>
    /// <param name="Incomplete">Why it looks as if something is still to be written, for people; null if it does not.</param>
    public sealed record Accepted(IDisposable Loaded, IReadOnlyList<string> Warnings, string? Incomplete) : Verdict;

    /// <summary>The files contain what is served.</summary>
    /// <param name="Warnings">As in <see cref="Accepted"/>, if it was judged again; none otherwise.</param>
    public sealed record Unchanged(IReadOnlyList<string> Warnings) : Verdict
    {
        public static readonly Unchanged Instance = new([]);
    }

    /// <param name="Reason">For programs.</param>
    /// <param name="Message">For people: path, reason, remedy.</param>
    public sealed record Rejected(RejectionReason Reason, string Message) : Verdict;
}
