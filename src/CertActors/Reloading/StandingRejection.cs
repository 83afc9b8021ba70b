using CertActors.Reloading.Judging;

namespace CertActors.Reloading;

/// <summary>The rejections since the last good load: decides which of them are news.</summary>
/// <remarks>
/// Files that stay bad are loaded again and again, and bad states may take turns: each is reported once. Where ever new ones come, the first few
/// are reported, and then one a minute.
/// </remarks>
internal sealed class StandingRejection
{
    private const int MaxReported = 8;

    private static readonly TimeSpan BetweenFurtherReports = TimeSpan.FromMinutes(1);

    private readonly List<(Verdict.Rejected Verdict, PairTags? Tags)> _reported = [];
    private DateTimeOffset _lastReport;

    /// <summary>The last rejection; null once a load was good.</summary>
    public Verdict.Rejected? Current { get; private set; }

    /// <summary>A load was good.</summary>
    /// <param name="isLate">Whether it was given up before it ended: that each load of a slow disk takes too long is reported once.</param>
    public void Clear(bool isLate)
    {
        Current = null;
        _reported.RemoveAll(reported => !isLate || reported.Verdict.Reason != RejectionReason.TimedOut);
    }

    /// <returns>Whether it is to be reported.</returns>
    public bool Add(Verdict.Rejected verdict, PairTags? tags, DateTimeOffset now)
    {
        Current = verdict;
        if (_reported.Contains((verdict, tags)))
            return false;
        if (_reported.Count == MaxReported)
        {
            // A clock that is set back is not waited for.
            if (now - _lastReport is var passed && passed >= TimeSpan.Zero && passed < BetweenFurtherReports)
                return false;
            _reported.RemoveAt(0);
        }

        _reported.Add((verdict, tags));
        _lastReport = now;
        return true;
    }
}
