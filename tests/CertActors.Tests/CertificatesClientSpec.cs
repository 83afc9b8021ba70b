using CertActors.Tests.Support;

namespace CertActors.Tests;

/// <summary>The supervisor, asked by code that isn't an actor.</summary>
public sealed class CertificatesClientSpec : PipelineKit
{
    public CertificatesClientSpec()
    {
        HasOwnThreads = true;
        Write(TestPair.Make());
        Start();
    }

    private CertificatesClient Client => new(Supervisor);

    [Fact]
    public async Task It_returns_the_state_and_the_outcomes_of_loads()
    {
        var status = Client.GetStatusAsync();
        Barrier();
        Assert.Equal("default", Assert.Single((await status).Certificates).Name);

        Write(TestPair.Make());
        var reloaded = Client.ReloadAsync("default");
        Barrier();
        Assert.Equal(ReloadOutcomeKind.Changed, Assert.Single((await reloaded).Outcomes).Kind);
        var unknown = Client.ReloadAsync("nobody");
        Barrier();
        Assert.Equal(ReloadOutcomeKind.UnknownName, Assert.Single((await unknown).Outcomes).Kind);
        var all = Client.ReloadAsync();
        Barrier();
        Assert.Equal(ReloadOutcomeKind.Unchanged, Assert.Single((await all).Outcomes).Kind);
    }

    [Fact]
    public async Task A_wait_can_be_cancelled()
    {
        Disk.Hangs = true;
        using var cancellation = new CancellationTokenSource();
        var reloaded = Client.ReloadAsync("default", cancellation.Token);
        Barrier();

        await cancellation.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => reloaded);
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => Client.GetStatusAsync(cancellation.Token));
    }

    [Fact]
    public async Task A_supervisor_that_stops_before_its_answer_ends_the_wait()
    {
        Disk.Hangs = true;
        var reloaded = Client.ReloadAsync("default");
        Barrier();
        Stop();

        var stopped = await Assert.ThrowsAsync<InvalidOperationException>(() => reloaded);
        Assert.Contains("has stopped", stopped.Message, StringComparison.Ordinal);
        var status = Client.GetStatusAsync();
        Barrier();
        await Assert.ThrowsAsync<InvalidOperationException>(() => status);
    }
}
