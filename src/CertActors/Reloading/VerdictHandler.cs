using System.Collections.Immutable;
using System.Diagnostics;
using CertActors.Diagnostics;
using CertActors.Reloading.Judging;

namespace CertActors.Reloading;

/// <summary>Carries out verdicts: publishes what is accepted, and keeps the failure of what is rejected. Belongs to the <see cref="ReloadActor"/>.</summary>
internal sealed class VerdictHandler(IReloadable target, ReloadState state)
{
    public Judged Apply(LoadRequest request, LoadResult result, bool wasGivenUp, DateTimeOffset now)
    {
        state.LastJudgedFiles = result.Tags ?? state.LastJudgedFiles;
        var warnings = state.NewWarnings(result);
        switch (result.Verdict)
        {
            case Verdict.Accepted accepted:
                var change = Publish(accepted, request.Reason, now);
                return Accept(request, change, result.Tags, wasGivenUp, [.. accepted.Warnings, .. warnings]);
            case Verdict.Unchanged unchanged:
                return Accept(request, change: null, result.Tags, wasGivenUp, [.. unchanged.Warnings, .. warnings]);
            case Verdict.Rejected rejected:
                return Reject(request.Waiting, rejected, result.Tags, warnings, now);
            default:
                throw new UnreachableException();
        }
    }

    /// <summary>A load has exceeded its time limit, and is given up.</summary>
    public Judged TimeOut(ImmutableArray<long> waiting, DateTimeOffset now)
    {
        var files = target.Files;
        var message = $"{files.PathList} were not read within {files.Timing.LoadTimeLimit.TotalSeconds} s; check whether the disk responds.";
        return Reject(waiting, new Verdict.Rejected(RejectionReason.TimedOut, message), tags: null, warnings: [], now);
    }

    /// <summary>A hook has vetoed the swap: what was accepted is disposed of, and rejected.</summary>
    public LoadResult Veto(LoadResult result, string veto)
    {
        ((Verdict.Accepted)result.Verdict).Loaded.Dispose();
        return result with { Verdict = new Verdict.Rejected(RejectionReason.Vetoed, $"The swap to what {target.Files.PathList} contain was vetoed by {veto}.") };
    }

    /// <summary>Drops a load of a rotation that looks half finished, and reports nothing.</summary>
    /// <returns>What is not finished, for people.</returns>
    public string Hold(Verdict verdict, DateTimeOffset now)
    {
        if (verdict is Verdict.Accepted { Incomplete: { } reason } accepted)
        {
            accepted.Loaded.Dispose();
            return reason;
        }

        // Whoever waits for the first load gets this failure if the wait ends before the hold.
        var rejected = (Verdict.Rejected)verdict;
        if (target.Served is null)
            target.Fail(rejected, now);
        return rejected.Message;
    }

    private GenerationChanged Publish(Verdict.Accepted accepted, ReloadReason reason, DateTimeOffset now)
    {
        using var stage = ReloadTrace.Begin(ReloadTrace.Swap);
        var change = target.ChangeTo(accepted, reason, now);
        target.Publish(accepted, change);
        return change;
    }

    private Judged Accept(LoadRequest request, GenerationChanged? change, ContentTags? tags, bool wasGivenUp, IReadOnlyList<string> warnings)
    {
        state.SetServedTags(target.Served!, tags);
        state.Rejection.Clear(wasGivenUp);
        target.Accept();
        return new Judged(target.Files.Name, change, Failure: null, IsRepeated: false, warnings, request.Waiting);
    }

    private Judged Reject(
        ImmutableArray<long> waiting, Verdict.Rejected verdict, ContentTags? tags, IReadOnlyList<string> warnings, DateTimeOffset now)
    {
        var isNew = state.Rejection.Add(verdict, tags, now);
        var failure = target.Fail(verdict, now);
        target.EndFirstLoad();
        return new Judged(target.Files.Name, Change: null, failure, IsRepeated: !isNew, warnings, waiting);
    }
}
