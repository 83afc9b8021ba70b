using CertActors.Watching;

namespace CertActors;

/// <summary>Where the actors meet the machine; scripted in tests.</summary>
/// <param name="Files">The disk.</param>
/// <param name="OpenEventSource">Makes an event source that calls back, from any thread. Throws when there are no events to be had.</param>
/// <param name="DiskThreads">Runs what may block.</param>
internal sealed record Platform(IFiles Files, Func<Action<FileEvent>, IFileEventSource> OpenEventSource, TaskScheduler DiskThreads)
{
    public static Platform Real { get; } = new(DiskFiles.Instance, OpenRealEventSource, Watching.DiskThreads.Shared);

    private static IFileEventSource OpenRealEventSource(Action<FileEvent> sink) =>
        OperatingSystem.IsLinux() ? new InotifySource(sink) : new FileSystemWatcherSource(sink);

    public Task<T> Run<T>(Func<T> blocking) =>
        Task.Factory.StartNew(blocking, CancellationToken.None, TaskCreationOptions.DenyChildAttach, DiskThreads);
}
