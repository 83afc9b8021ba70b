using CertActors.Disk;
using CertActors.Watching.Sources;

namespace CertActors.Supervision;

/// <summary>What the actors need of the operating system; scripted in tests.</summary>
/// <param name="OpenEventSource">Opens an event source, which calls back from any thread. Throws if no events are available.</param>
/// <param name="Disk">Runs what may block on the disk.</param>
internal sealed record Platform(Func<OnFileEvent, IFileEventSource> OpenEventSource, DiskScheduler Disk)
{
    /// <summary>Where the metrics are recorded.</summary>
    public CertificateMetrics Metrics { get; init; } = CertificateMetrics.Shared;

    /// <summary>What runs the hooks: a thread of an actor never does.</summary>
    public TaskScheduler HookThreads { get; init; } = TaskScheduler.Default;

    public static Platform Real { get; } = new(OpenRealEventSource, new DiskScheduler(DiskFiles.Instance, new DiskThreads(Preload.Ensure)));

    private static IFileEventSource OpenRealEventSource(OnFileEvent sink) =>
        OperatingSystem.IsLinux() ? new InotifyEventSource(sink, Inotify.Open()) : new FileSystemWatcherEventSource(sink);
}
