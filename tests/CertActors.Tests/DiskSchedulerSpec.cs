using CertActors.Disk;
using CertActors.Tests.Support;

namespace CertActors.Tests;

/// <summary>In which queue a call starts.</summary>
public sealed class DiskSchedulerSpec
{
    private static readonly WatchedFiles Local = Files("/certs/tls.crt", "/certs/tls.key");
    private static readonly WatchedFiles Mounted = Files("/mnt/tls/tls.crt", "/certs/tls.key");

    private readonly MemoryFiles _files = new();
    private readonly DiskScheduler _disk;
    private int _starts;

    public DiskSchedulerSpec()
    {
        _files.Mount("/mnt/tls", device: 2);
        foreach (var path in (string[])["/certs/tls.crt", "/certs/tls.key", "/mnt/tls/tls.crt"])
            _files.Write(path, "x");
        _disk = new DiskScheduler(_files, new HangingDisk());
    }

    [Fact]
    public async Task The_first_call_starts_in_the_queue_of_the_devices_of_the_configured_paths()
    {
        await InspectAsync(Mounted);
        await InspectAsync(Local);
        Assert.Equal(2, _starts);
    }

    [Fact]
    public async Task A_link_to_another_device_moves_the_first_call_and_the_next_one_starts_there()
    {
        _files.Link("/certs/tls.crt", "/mnt/tls/tls.crt");
        await InspectAsync(Local);
        Assert.Equal(2, _starts);

        await InspectAsync(Local);
        Assert.Equal(3, _starts);
    }

    [Fact]
    public async Task Files_are_grouped_by_the_devices_that_were_last_accessed()
    {
        var equal = Files("/certs/tls.crt", "/certs/tls.key");
        await InspectAsync(Local);
        await InspectAsync(equal);
        await InspectAsync(Mounted);
        Assert.Equal([[Local, equal], [Mounted]], Grouped(Local, Mounted, equal));

        _files.Link("/certs/tls.crt", "/mnt/tls/tls.crt");
        await InspectAsync(equal);
        Assert.Equal([[Local], [Mounted, equal]], Grouped(Local, Mounted, equal));
    }

    [Fact]
    public async Task Calls_that_wait_run_one_after_another_on_the_thread_that_ran_the_first()
    {
        var threads = new HangingDisk();
        var disk = new DiskScheduler(_files, threads);
        await disk.Run(Local, DiskWork.Inspect, _ => true).Running; // The table of mounts is known from now on.
        threads.Hangs = true;
        Task<bool>[] calls = [.. Enumerable.Range(0, 100).Select(_ => disk.Run(Local, DiskWork.Inspect, _ => true).Running)];
        Assert.Equal(1, threads.Waiting);

        threads.RunWaiting();
        Assert.All(calls, call => Assert.True(call.IsCompletedSuccessfully));
        Assert.Equal(0, threads.Waiting);
    }

    [Fact]
    public async Task An_inspection_that_fails_half_way_forgets_no_device_of_the_configured_paths()
    {
        var half = Files("/certs/tls.crt", "/mnt/tls/tls.key");
        await InspectAsync(Local);
        await InspectAsync(half);
        _files.Fail("/certs/tls.crt", new UnauthorizedAccessException());
        await Assert.ThrowsAsync<UnauthorizedAccessException>(() => InspectAsync(half));

        Assert.Equal([[Local], [half]], Grouped(Local, half));
    }

    private static WatchedFiles Files(params string[] paths) => new("default", [.. paths], PipelineKit.Timing);

    private WatchedFiles[][] Grouped(params WatchedFiles[] all) => [.. _disk.GroupByDevices(all, files => files)];

    private Task<FilesSnapshot> InspectAsync(WatchedFiles files) => _disk.Run(files, DiskWork.Inspect, disk =>
    {
        _starts++;
        return FilesSnapshot.Take(disk, files);
    }).Running;
}
