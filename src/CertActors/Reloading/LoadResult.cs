using CertActors.Reloading.Judging;

namespace CertActors.Reloading;

/// <summary>The outcome of a load.</summary>
/// <param name="Verdict">The verdict.</param>
/// <param name="Tags">The contents that were judged; null if they changed during each attempt to read them.</param>
/// <param name="Warnings">Warnings about the files.</param>
internal sealed record LoadResult(Verdict Verdict, ContentTags? Tags, IReadOnlyList<FileWarning> Warnings);
