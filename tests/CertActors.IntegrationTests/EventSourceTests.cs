using System.Collections.Concurrent;
using CertActors.Disk;
using CertActors.Reloading;
using CertActors.Server;
using CertActors.Supervision;
using CertActors.Watching;
using CertActors.Watching.Sources;

namespace CertActors.IntegrationTests;

/// <summary>What every event source does on a real disk.</summary>
public abstract class EventSourceTests : IDisposable
{
    private static readonly TimeSpan Generous = TimeSpan.FromSeconds(30);

    private readonly ConcurrentQueue<(string Directory, string Name, FileEventKind Kind)> _events = new();
    private readonly WatchTable _watches;
    private readonly WatchedFiles _pair = new CertificateOptions { CertificatePath = "unused", KeyPath = "unused" }.ToWatchedFiles();

    private protected EventSourceTests(Func<OnFileEvent, IFileEventSource> open)
    {
        _watches = new WatchTable(open, Hear, CertificateMetrics.Shared.WatchEvents, capacity: 1);
    }

    private protected DirectoryInfo Root { get; } = Directory.CreateTempSubdirectory("certactors-test-");

    public void Dispose()
    {
        _watches.Close();
        Root.Delete(recursive: true);
        GC.SuppressFinalize(this);
    }

    [Fact]
    public async Task What_happens_to_a_watched_name_is_told()
    {
        Watch(In("tls.crt"));

        await ToldAsync(() => File.WriteAllText(In("tls.crt"), "a"), FileEventKind.Created);
        await ToldAsync(() => File.AppendAllText(In("tls.crt"), "b"), FileEventKind.Written);
        await ToldAsync(() => File.Move(In("tls.crt"), In("old")), FileEventKind.Renamed);
        await ToldAsync(() => File.Move(In("old"), In("tls.crt")), FileEventKind.Created);
        await ToldAsync(() => File.SetUnixFileMode(In("tls.crt"), UnixFileMode.UserRead));
        await ToldAsync(() => File.Delete(In("tls.crt")), FileEventKind.Removed);
        await ToldAsync(() => File.CreateSymbolicLink(In("tls.crt"), "nowhere"), FileEventKind.Created);
    }

    [Fact]
    public async Task What_happens_to_other_names_is_not()
    {
        Watch(In("tls.crt"));

        File.WriteAllText(In("other"), "a");
        File.Delete(In("other"));
        await ToldAsync(() => File.WriteAllText(In("tls.crt"), "a"));

        Assert.All(_events, happened => Assert.Equal("tls.crt", happened.Name));
    }

    [Fact]
    public async Task Later_steps_take_the_place_of_those_before()
    {
        var other = Root.CreateSubdirectory("other");
        Watch(In("tls.crt"));
        Watch(Path.Combine(other.FullName, "tls.crt"));

        File.WriteAllText(In("tls.crt"), "a");
        await ToldAsync(() => File.WriteAllText(Path.Combine(other.FullName, "tls.crt"), "a"), FileEventKind.Created);

        Assert.All(_events, happened => Assert.Equal(other.FullName, happened.Directory));
    }

    [Fact]
    public async Task A_directory_in_the_place_of_another_is_watched_anew()
    {
        var inside = Root.CreateSubdirectory("inside");
        var file = Path.Combine(inside.FullName, "tls.crt");
        Watch(file);
        for (var round = 0; round < 3; round++)
        {
            inside.Delete(recursive: true);
            inside.Create();
            Watch(file);
            await ToldAsync(() => File.WriteAllText(file, "a"), FileEventKind.Created);
        }
    }

    [Fact]
    public void A_directory_that_is_not_there_can_not_be_watched() =>
        Assert.ThrowsAny<IOException>(() => _watches.Watch(_pair, [new PathStep(In("nowhere"), "tls.crt", default, Contents: true)]));

    [Fact]
    public void Ending_twice_is_fine_and_watching_after_the_end_does_nothing()
    {
        Watch(In("tls.crt"));
        _watches.Close();
        _watches.Close();
        Watch(In("tls.crt"));

        File.WriteAllText(In("tls.crt"), "a");
        Assert.Empty(_events);
    }

    private protected string In(string name) => Path.Combine(Root.FullName, name);

    private protected void Watch(string path) => _watches.Watch(_pair, PathSnapshot.Take(DiskFiles.Instance, path).Steps);

    private void Hear(FileEvent happened)
    {
        // Acknowledged at once, so that the next event of the step is emitted, too.
        _events.Enqueue((happened.Step?.Directory.Path ?? "", happened.Step?.Name ?? "", happened.Kind));
        happened.Watches.Acknowledge(happened);
    }

    /// <summary>Until something is told of it; of this kind, where one is named.</summary>
    private protected async Task ToldAsync(Action change, FileEventKind? kind = null)
    {
        _events.Clear();
        change();
        using var limit = new CancellationTokenSource(Generous);
        while (!_events.Any(happened => kind is null || happened.Kind == kind))
            await Task.Delay(TimeSpan.FromMilliseconds(5), limit.Token);
    }
}

/// <inheritdoc/>
public sealed class FileSystemWatcherEventSourceTests() : EventSourceTests(sink => new FileSystemWatcherEventSource(sink));

/// <inheritdoc/>
public sealed class InotifyEventSourceTests() : EventSourceTests(sink => new InotifyEventSource(sink, Inotify.Open()))
{
    [Fact]
    public async Task A_watched_directory_that_goes_or_moves_is_told()
    {
        var inside = Root.CreateSubdirectory("inside").FullName;
        Watch(Path.Combine(inside, "tls.crt"));
        await ToldAsync(() => Directory.Move(inside, In("moved")), FileEventKind.Renamed);

        Directory.CreateDirectory(inside);
        Watch(Path.Combine(inside, "tls.crt"));
        await ToldAsync(() => Directory.Delete(inside), FileEventKind.Removed);
    }

    [Fact]
    public async Task More_versions_than_a_user_has_instances_can_be_watched_in_turn()
    {
        var volume = new KubernetesVolume(Root.FullName);
        volume.Write(SelfMadePair.Make());
        for (var version = 0; version < 200; version++)
        {
            Watch(volume.CertificatePath);
            volume.Write(SelfMadePair.Make());
        }

        Watch(volume.CertificatePath);
        await ToldAsync(() => volume.Write(SelfMadePair.Make()), FileEventKind.Created);
    }

    [Fact]
    public async Task More_events_than_the_kernel_keeps_are_told_as_an_overflow()
    {
        using var deaf = new ManualResetEventSlim();
        using var heard = new SemaphoreSlim(0);
        var kinds = new ConcurrentQueue<FileEventKind>();
        using var source = new InotifyEventSource(
            (_, _, kind) =>
            {
                kinds.Enqueue(kind);
                heard.Release();
                deaf.Wait(TimeSpan.FromSeconds(60));
            },
            Inotify.Open());
        source.Watch(Root.FullName, contents: true);

        // The first event holds up the reader; the rest fill the kernel's queue, which keeps equal ones only once in a row.
        File.WriteAllText(In("first"), "");
        Assert.True(await heard.WaitAsync(TimeSpan.FromSeconds(30)));
        var most = int.Parse(File.ReadAllText("/proc/sys/fs/inotify/max_queued_events"), System.Globalization.CultureInfo.InvariantCulture);
        for (var i = 0; i <= most / 2; i++)
        {
            File.Move(In("first"), In("second"));
            File.Move(In("second"), In("first"));
        }

        deaf.Set();
        using var limit = new CancellationTokenSource(TimeSpan.FromSeconds(30));
        while (!kinds.Contains(FileEventKind.Overflow))
            await heard.WaitAsync(limit.Token);
    }
}
