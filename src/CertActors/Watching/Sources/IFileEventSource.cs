namespace CertActors.Watching.Sources;

/// <summary>Called by an event source, from any thread. Must not block.</summary>
/// <param name="watch">The watch; <see cref="IFileEventSource.Everything"/> if it concerns all.</param>
/// <param name="name">The entry of the directory that something happened to; empty if it happened to the directory itself.</param>
/// <param name="kind">What happened. After <see cref="FileEventKind.WatchLost"/> of everything, the source reports nothing more.</param>
internal delegate void OnFileEvent(int watch, ReadOnlySpan<char> name, FileEventKind kind);

/// <summary>Reports what happens in directories. Its methods may block; they may be called from any thread, also after <c>Dispose</c>.</summary>
/// <remarks>
/// While a source calls its sink, it holds no lock that <see cref="Unwatch"/> takes. The sink takes the lock under which <see cref="Unwatch"/> is
/// called, so there would be a deadlock.
/// </remarks>
internal interface IFileEventSource : IDisposable
{
    /// <summary>Stands for all watches of a source.</summary>
    const int Everything = -1;

    /// <summary>Watches a directory. One that is watched already keeps its number; what was requested for it before is still reported.</summary>
    /// <param name="directory">The directory's real path; or the path of a file, whose own events are then reported.</param>
    /// <param name="contents">Whether writes to its files and changes of their attributes are reported too, not only names that appear or disappear.</param>
    /// <returns>The number of the watch, from 0. Two paths of one directory may share it.</returns>
    /// <exception cref="IOException">It cannot be watched; the message names the reason and the remedy.</exception>
    /// <exception cref="UnauthorizedAccessException">It may not be watched.</exception>
    int Watch(string directory, bool contents);

    /// <summary>Ends a watch. Does nothing if it has ended already.</summary>
    void Unwatch(int watch);
}
