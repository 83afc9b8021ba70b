namespace CertActors.Watching.Sources;

/// <summary>Called by an event source, from any thread. Must not block.</summary>
/// <param name="watch">The watch; <see cref="IFileEventSource.Everything"/> if all are concerned.</param>
/// <param name="name">The entry of the directory that something happened to; empty if it happened to the directory itself.</param>
/// <param name="kind">What happened. <see cref="FileEventKind.WatchLost"/> of everything is the source's last word.</param>
internal delegate void OnFileEvent(int watch, ReadOnlySpan<char> name, FileEventKind kind);

/// <summary>Tells what happens in directories. Calls may block; they may come from any thread, also after the end.</summary>
/// <remarks>
/// A source holds no lock while it calls its sink that <see cref="Unwatch"/> takes: the sink takes the lock under which watches are ended, and
/// the two would wait for each other.
/// </remarks>
internal interface IFileEventSource : IDisposable
{
    /// <summary>Stands for all watches of a source.</summary>
    const int Everything = -1;

    /// <summary>Watches a directory. One that is watched already keeps its number, and is told as much of as was ever asked for.</summary>
    /// <param name="directory">The directory's real path; or that of a file, whose own events are then told.</param>
    /// <param name="contents">Whether writes to its files and their attributes are told, too; otherwise only names that come and go.</param>
    /// <returns>The number of the watch, from 0. Two paths of one directory may share it.</returns>
    /// <exception cref="IOException">It can't be watched; the message says why, and the remedy.</exception>
    /// <exception cref="UnauthorizedAccessException">It may not be watched.</exception>
    int Watch(string directory, bool contents);

    /// <summary>Ends a watch. One that has ended already is passed over.</summary>
    void Unwatch(int watch);
}
