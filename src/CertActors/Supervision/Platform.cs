using CertActors.Disk;
using CertActors.Watching.Sources;


namespace CertActors.Supervision;

/// <summary>Where the actors meet the machine; scripted in tests.</summary>
/// <param name="OpenEventSource">Makes an event source that calls back, from any thread. Throws when there are no events to be had.</param>
/// <param name="Disk">The disk, and what runs what may block on it.</param>
internal sealed record Platform(Func<OnFileEvent, IFileEventSource> OpenEventSource, DiskScheduler Disk)
{
    public static Platform Real { get; } = new(OpenRealEventSource, new DiskScheduler(DiskFiles.Instance, DiskThreads.Shared));

    private static IFileEventSource OpenRealEventSource(OnFileEvent sink) =>
        OperatingSystem.IsLinux() ? new InotifyEventSource(sink, Inotify.Open()) : new FileSystemWatcherEventSource(sink);
}
