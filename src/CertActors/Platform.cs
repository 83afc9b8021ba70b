using CertActors.Watching;

namespace CertActors;

/// <summary>Where the actors meet the machine; scripted in tests.</summary>
/// <param name="Files">The disk.</param>
/// <param name="OpenEventSource">Makes an event source that calls back, from any thread. Throws when there are no events to be had.</param>
/// <param name="Lanes">Runs what may block.</param>
internal sealed record Platform(IFiles Files, Func<OnFileEvent, IFileEventSource> OpenEventSource, DiskLanes Lanes)
{
    public static Platform Real { get; } = new(DiskFiles.Instance, OpenRealEventSource, new DiskLanes(ThreadsFor));

    private static IFileEventSource OpenRealEventSource(OnFileEvent sink) =>
        OperatingSystem.IsLinux() ? new InotifyEventSource(sink, Inotify.Open()) : new FileSystemWatcherEventSource(sink);

    private static TaskScheduler ThreadsFor(int most) =>
        new ConcurrentExclusiveSchedulerPair(DiskThreads.Shared, most).ConcurrentScheduler;
}
