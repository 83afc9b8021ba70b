using System.Collections.Immutable;
using System.Diagnostics;
using CertActors.Holding;
using CertActors.Reloading.Judging;

namespace CertActors.Reloading;

/// <summary>
/// Carries out the verdicts on one pair: swaps in what is accepted, and keeps the failure of what is rejected. Belongs to the pair's
/// <see cref="ReloadActor"/>, and is the only writer of its cell.
/// </summary>
internal sealed class VerdictHandler(CertificateOptions options, CertificateCell cell, ReloadState state)
{
    public PairJudged Apply(LoadRequest request, LoadResult result, bool wasGivenUp, DateTimeOffset now)
    {
        state.LastJudgedFiles = result.Tags ?? state.LastJudgedFiles;
        var warnings = state.NewWarnings(result);
        switch (result.Verdict)
        {
            case Verdict.Accepted accepted:
                var served = cell.Serving;
                var change = new CertificateChanged
                {
                    Name = options.Name,
                    Generation = (served?.Generation ?? 0) + 1,
                    Previous = served?.Facts,
                    Current = accepted.Pair.Facts,
                    Reason = request.Reason,
                    At = now,
                };
                cell.Publish(new ServingCertificate(change, accepted.Pair));
                return Accept(request, change, result.Tags, wasGivenUp, [.. accepted.Warnings, .. warnings]);
            case Verdict.Unchanged:
                return Accept(request, change: null, result.Tags, wasGivenUp, warnings);
            case Verdict.Rejected rejected:
                return Reject(request.Waiting, rejected, result.Tags, warnings, now);
            default:
                throw new UnreachableException();
        }
    }

    /// <summary>A load has exceeded its time limit, and is given up.</summary>
    public PairJudged TimeOut(ImmutableArray<long> waiting, DateTimeOffset now)
    {
        var message = $"{options.CertificatePath} and {options.KeyPath} were not read within {options.LoadTimeLimit.TotalSeconds} s; check whether the disk responds.";
        return Reject(waiting, new Verdict.Rejected(RejectionReason.TimedOut, message), tags: null, warnings: [], now);
    }

    /// <summary>Drops a load of a rotation that looks half finished, and reports nothing.</summary>
    /// <returns>What is not finished, for people.</returns>
    public string Hold(Verdict verdict, DateTimeOffset now)
    {
        if (verdict is not Verdict.Rejected rejected)
        {
            (verdict as Verdict.Accepted)?.Pair.Dispose();
            return $"{options.CertificatePath} ends before an issuer that clients may not have.";
        }

        // Whoever waits for the first load gets this failure if the wait ends before the hold.
        if (cell.Serving is null)
            cell.LastFailure = FailureOf(rejected, now);
        return rejected.Message;
    }

    private PairJudged Accept(LoadRequest request, CertificateChanged? change, PairTags? tags, bool wasGivenUp, IReadOnlyList<string> warnings)
    {
        state.SetServedTags(cell.Serving!.Pair, tags);
        state.Rejection.Clear(wasGivenUp);
        cell.LastFailure = null;
        return new PairJudged(options.Name, change, Failure: null, IsRepeated: false, warnings, request.Waiting);
    }

    private PairJudged Reject(
        ImmutableArray<long> waiting, Verdict.Rejected verdict, PairTags? tags, IReadOnlyList<string> warnings, DateTimeOffset now)
    {
        var isNew = state.Rejection.Add(verdict, tags, now);
        var failure = FailureOf(verdict, now);
        cell.LastFailure = failure;
        return new PairJudged(options.Name, Change: null, failure, IsRepeated: !isNew, warnings, waiting);
    }

    private CertificateReloadFailed FailureOf(Verdict.Rejected verdict, DateTimeOffset now) => new()
    {
        Name = options.Name,
        Reason = verdict.Reason,
        Message = verdict.Message,
        StillServed = cell.Serving?.Facts,
        At = now,
    };
}
