using CertActors.Reloading.Judging;

namespace CertActors.Reloading;

/// <summary>What came of a load.</summary>
/// <param name="Verdict">The judgement.</param>
/// <param name="Tags">The contents that were read; null if they went on changing.</param>
/// <param name="Warnings">What is to be known of the files.</param>
internal sealed record LoadResult(Verdict Verdict, PairTags? Tags, IReadOnlyList<FileWarning> Warnings);
