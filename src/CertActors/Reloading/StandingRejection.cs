using CertActors.Reloading.Judging;

namespace CertActors.Reloading;

/// <summary>The rejections since the last good load. Decides which of them are reported.</summary>
/// <remarks>
/// Files that stay bad are loaded again and again, and several bad states may alternate: each is reported once. If new ones keep coming, the first
/// eight are reported, and then one a minute.
/// </remarks>
internal sealed class StandingRejection
{
    private const int MaxReported = 8;

    private static readonly TimeSpan BetweenFurtherReports = TimeSpan.FromMinutes(1);

    private readonly List<(Verdict.Rejected Verdict, ContentTags? Tags)> _reported = [];
    private DateTimeOffset _lastReport;

    /// <summary>A load was good.</summary>
    /// <param name="wasGivenUp">
    /// Whether it had been given up before. Then its disk is slow, and that the next load exceeds its time limit is not reported again.
    /// </param>
    public void Clear(bool wasGivenUp) =>
        _reported.RemoveAll(reported => !wasGivenUp || reported.Verdict.Reason != RejectionReason.TimedOut);

    /// <returns>Whether the rejection is reported.</returns>
    public bool Add(Verdict.Rejected verdict, ContentTags? tags, DateTimeOffset now)
    {
        if (_reported.Contains((verdict, tags)))
            return false;
        if (_reported.Count == MaxReported)
        {
            // After the clock was set back, the time that has passed is not known, and the rejection is reported.
            if (now - _lastReport is var passed && passed >= TimeSpan.Zero && passed < BetweenFurtherReports)
                return false;
            _reported.RemoveAt(0);
        }

        _reported.Add((verdict, tags));
        _lastReport = now;
        return true;
    }
}
