namespace CertActors.Watching.Sources;

/// <summary>
/// What happened. Every kind marks the pair as possibly changed; <see cref="Overflow"/>, <see cref="Mounts"/> and <see cref="WatchLost"/> have further
/// effects. A source that cannot distinguish two kinds reports the likelier.
/// </summary>
internal enum FileEventKind
{
    Created,
    Written,
    Removed,
    Renamed,
    Attributes,

    /// <summary>Events were lost; the watch continues.</summary>
    Overflow,

    /// <summary>Something was mounted or unmounted, on any directory. There is no other event of that.</summary>
    Mounts,

    /// <summary>The watch has ended.</summary>
    WatchLost,
}
