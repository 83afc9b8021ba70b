using Akka.Actor;
using Akka.Event;
using CertActors.Tests.Support;

namespace CertActors.Tests;

/// <summary>At Debug, the log says why a pair was not loaded or swapped, and what takes its time.</summary>
public sealed class ReloadLogSpec : PipelineKit
{
    private static readonly string[] Steps = ["load started", "load queued", "held", "unchanged", "the load is tried again"];

    private int _seen;

    public ReloadLogSpec()
    {
        Sys.EventStream.SetLogLevel(LogLevel.DebugLevel);
        Write(TestPair.Make());
        Start();
        NewLines();
    }

    [Fact]
    public void A_load_of_the_same_contents_is_started_and_unchanged()
    {
        Raise(CertPath);
        AdvancePastDebounce();

        Assert.Equal(["load started (FileChange).", "unchanged; the files contain what is served."], NewLines());
    }

    [Fact]
    public void A_rotation_that_looks_half_finished_is_held_with_the_reason_and_until_when()
    {
        Files.Write(KeyPath, TestPair.Make().KeyPem);
        Raise(KeyPath);
        AdvancePastDebounce();
        var until = Sys.Scheduler.Now.AddSeconds(5);
        Advance(seconds: 2);
        Raise(KeyPath);
        AdvancePastDebounce();

        var held = $"held until {until:O}, as the rotation looks half finished. The key in {KeyPath} belongs to none of the certificates";
        Assert.Collection(
            NewLines(),
            line => Assert.Equal("load started (FileChange).", line),
            line => Assert.StartsWith(held, line, StringComparison.Ordinal),
            line => Assert.Equal("load started (FileChange).", line),
            line => Assert.StartsWith(held, line, StringComparison.Ordinal));
    }

    [Fact]
    public void A_rejected_load_is_followed_by_retries_with_growing_delays()
    {
        Files.Write(CertPath, "garbage");
        Raise(CertPath);
        AdvancePastDebounce();
        AdvancePastFirstRetry();

        Assert.Equal(
            [
                "load started (FileChange).", "the load is tried again in 00:00:00.2500000.",
                "load started (Retry).", "the load is tried again in 00:00:00.5000000.",
            ],
            NewLines());
    }

    [Fact]
    public void A_load_that_is_requested_while_another_is_in_flight_is_queued()
    {
        Disk.Hangs = true;
        Supervisor.Tell(new ReloadNow());
        Barrier();
        Supervisor.Tell(new ReloadNow());
        Barrier();
        Disk.Release();

        var unchanged = "unchanged; the files contain what is served.";
        Assert.Equal(
            ["load started (Requested).", "load queued (Requested); another is in flight.", unchanged, "load started (Requested).", unchanged], NewLines());
    }

    /// <summary>What was logged about loads since the last call.</summary>
    private string[] NewLines()
    {
        const string subject = "default: ";
        var lines = Logged();
        var added = lines.Skip(_seen).Where(line => line.Contains("[DEBUG]", StringComparison.Ordinal) && line.Contains(subject, StringComparison.Ordinal));
        _seen = lines.Count;
        return
        [
            .. added.Select(line => line[(line.IndexOf(subject, StringComparison.Ordinal) + subject.Length)..])
                .Where(line => Array.Exists(Steps, step => line.StartsWith(step, StringComparison.Ordinal))),
        ];
    }
}
