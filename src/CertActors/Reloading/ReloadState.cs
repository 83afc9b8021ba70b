namespace CertActors.Reloading;

/// <summary>What a <see cref="ReloadActor"/> remembers across its restarts. Its <c>Props</c> carry it, and while it runs, nothing else uses it.</summary>
internal sealed class ReloadState
{
    private readonly HashSet<(FileWarningKind, string Path)> _givenWarnings = [];
    private (object Served, ContentTags? Tags)? _served;

    /// <summary>The last load that was started. It may still run.</summary>
    public LoadAttempt? Attempt { get; set; }

    /// <summary>The contents that were judged last, whatever the verdict.</summary>
    public ContentTags? LastJudgedFiles { get; set; }

    public StandingRejection Rejection { get; } = new();

    /// <summary>Remembers the contents that <see cref="IReloadable.Served"/> was last read from.</summary>
    public void SetServedTags(object served, ContentTags? tags) => _served = (served, tags);

    /// <returns>Null if they are not known: another supervisor may have had the holder since.</returns>
    public ContentTags? ServedTags(object? served) => ReferenceEquals(_served?.Served, served) ? _served?.Tags : null;

    /// <returns>The warnings that were never given: each load repeats what is wrong with its files.</returns>
    public string[] NewWarnings(LoadResult result) =>
        [.. result.Warnings.Where(warning => _givenWarnings.Add((warning.Kind, warning.Path))).Select(warning => warning.Message)];
}
