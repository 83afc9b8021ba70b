using CertActors.Disk;
using CertActors.Reloading;
using CertActors.Tests.Support;
using CertActors.Watching;

namespace CertActors.Tests;

/// <summary>When an inspection or a poll counts as one that hangs.</summary>
public sealed class WatchStateSpec
{
    private static readonly WatchedFiles Files = new CertificateOptions { CertificatePath = "/certs/tls.crt", KeyPath = "/certs/tls.key" }.ToWatchedFiles();

    [Fact]
    public async Task Files_that_share_a_poll_are_stalled_once_its_turn_has_come_no_nearer()
    {
        var threads = new HangingDisk();
        var disk = new DiskScheduler(new MemoryFiles(), threads);
        await disk.Run(Files, DiskWork.Poll, _ => true).Running; // The table of mounts is known from now on.
        WatchState[] group = [new(Files, share: 0.5), new(Files, share: 1)];
        List<bool> stalled = [];
        threads.Hangs = true;
        _ = disk.Run(Files, DiskWork.Poll, _ => true);
        _ = disk.Run(Files, DiskWork.Poll, _ =>
        {
            stalled.AddRange([.. group.Select(state => state.IsStalled()), .. group.Select(state => state.IsStalled())]);
            return true;
        });
        var shared = disk.Run(Files, DiskWork.Poll, _ => true);
        foreach (var state in group)
            state.Poll = shared;

        threads.RunWaiting();

        Assert.Equal([false, false, true, true], stalled);
        Assert.True(shared.Running.IsCompletedSuccessfully);
    }

    [Fact]
    public void Files_for_which_nothing_runs_or_waits_are_not_stalled() => Assert.False(new WatchState(Files, share: 1).IsStalled());
}
