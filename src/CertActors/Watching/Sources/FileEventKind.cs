namespace CertActors.Watching.Sources;

/// <summary>What happened, as fsnotify has it. For logs and tests: every kind counts alike, and a source that can't tell two apart says the likelier.</summary>
internal enum FileEventKind
{
    Created,
    Written,
    Removed,
    Renamed,
    Attributes,

    /// <summary>Events were lost; the watch goes on.</summary>
    Overflow,

    /// <summary>Something was mounted or unmounted, over whatever directory: no other event tells of it.</summary>
    Mounts,

    /// <summary>The watch reports nothing any more.</summary>
    WatchLost,
}
