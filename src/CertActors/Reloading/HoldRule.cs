using CertActors.Reloading.Judging;

namespace CertActors.Reloading;

/// <summary>Decides whether loaded files look like those of a rotation that is half finished, so that the other half is waited for.</summary>
internal static class HoldRule
{
    /// <param name="result">The load.</param>
    /// <param name="lastJudged">The contents that were judged last; null if there are none.</param>
    /// <param name="isHolding">Whether an earlier load of the same rotation is held.</param>
    /// <returns>
    /// True if writing the rest may correct what is wrong with the files, and some of them have changed since they were judged last.
    /// </returns>
    public static bool ShouldHold(LoadResult result, ContentTags? lastJudged, bool isHolding)
    {
        var hasNewContent = result.Tags is { } tags && lastJudged is { } judged && tags.HasNewContent(judged);
        return result.Verdict switch
        {
            Verdict.Accepted accepted => accepted.Incomplete is not null,
            Verdict.Rejected { Reason: RejectionReason.FilesChanging } => true,

            // A trust bundle may be about to follow. Two complete files that do not match may be the old and the new half of a rotation, even if it is not known what was there before.
            Verdict.Rejected { Reason: RejectionReason.KeyMismatch or RejectionReason.PasswordWrong or RejectionReason.NotTrusted } => hasNewContent || lastJudged is null,
            Verdict.Rejected { Reason: RejectionReason.FileMissing } => hasNewContent,

            // The other half may still be being written. This does not start a hold, but continues one.
            Verdict.Rejected { Reason: RejectionReason.FileEmpty or RejectionReason.KeyMalformed or RejectionReason.CertificateMalformed } =>
                hasNewContent && isHolding,
            _ => false,
        };
    }
}
