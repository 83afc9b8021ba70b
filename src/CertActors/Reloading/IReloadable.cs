using CertActors.Disk;
using CertActors.Reloading.Judging;

namespace CertActors.Reloading;

/// <summary>
/// What a <see cref="ReloadActor"/> loads, judges and publishes. It is the only writer of its place in the holder, and belongs to that actor; only
/// the load that it prepares runs on a disk thread.
/// </summary>
internal interface IReloadable
{
    WatchedFiles Files { get; }

    /// <summary>What was published last; null if nothing was. Another object with each publication.</summary>
    object? Served { get; }

    /// <summary>Why the last load failed; null if it did not.</summary>
    ReloadFailed? LastFailure { get; }

    /// <summary>Captures what is served, for a load that compares with it.</summary>
    /// <param name="servedTags">The contents that <see cref="Served"/> was last read from; null if they are not known.</param>
    /// <param name="clock">Returns the time by which validity is judged. Called after the files are read, which may take long.</param>
    /// <returns>The load. It blocks, and reaches nothing of the actor's.</returns>
    Func<IFiles, LoadResult> PrepareLoad(ContentTags? servedTags, Func<DateTimeOffset> clock);

    /// <returns>What is announced if what was accepted becomes the next generation.</returns>
    GenerationChanged ChangeTo(Verdict.Accepted accepted, ReloadReason reason, DateTimeOffset now);

    /// <summary>Publishes what was accepted as the next generation.</summary>
    void Publish(Verdict.Accepted accepted, GenerationChanged change);

    /// <summary>Sets <see cref="LastFailure"/>. What is served stays.</summary>
    ReloadFailed Fail(Verdict.Rejected rejected, DateTimeOffset now);

    /// <summary>The files contain what is served, and the options accept it. Sets <see cref="LastFailure"/> to null.</summary>
    void Accept();

    /// <summary>Lets nobody wait for the first load any more, as it was judged or given up.</summary>
    void EndFirstLoad();
}
