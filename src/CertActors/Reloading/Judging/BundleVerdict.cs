using CertActors.Verifying;

namespace CertActors.Reloading.Judging;

/// <summary>The outcome of judging a trust bundle.</summary>
internal abstract record BundleVerdict
{
    private BundleVerdict()
    {
    }

    /// <param name="Bundle">Ready to be served. The receiver publishes or disposes of it.</param>
    /// <param name="Warnings">What is wrong with it nevertheless. For people: path, reason, remedy.</param>
    public sealed record Accepted(LoadedBundle Bundle, IReadOnlyList<string> Warnings) : BundleVerdict;

    /// <summary>The files contain the certificates and the revocation lists that are served.</summary>
    public sealed record Unchanged : BundleVerdict
    {
        public static readonly Unchanged Instance = new();
    }

    /// <param name="Reason">For programs.</param>
    /// <param name="Message">For people: path, reason, remedy.</param>
    public sealed record Rejected(RejectionReason Reason, string Message) : BundleVerdict;
}
