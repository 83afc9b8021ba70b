using Akka.Actor;
using CertActors.Disk;
using CertActors.Reloading;
using CertActors.Supervision;
using CertActors.Tests.Support;
using CertActors.Watching;
using CertActors.Watching.Sources;
using Microsoft.Extensions.Logging;

namespace CertActors.Tests;

/// <summary>What the watch logs at Debug: why a file event led to a touch, or did not.</summary>
public sealed class WatchLogSpec : PipelineKit
{
    private readonly Recorder _log = new();

    [Fact]
    public void An_event_its_touch_and_the_inspection_are_logged_in_order()
    {
        StartWatching();
        _log.Lines.Clear();

        Files.Write(CertPath, "changed");
        Raise(CertPath);
        Assert.Equal(
            ["101 File event Written at /certs/tls.crt.",
            "102 default: touched (FileChange).",
            "103 default: path inspected (FileChange); changed: True.",
            "102 default: touched (FileChange)."],
            _log.Lines);
    }

    [Fact]
    public void An_event_without_a_change_is_inspected_and_unchanged()
    {
        StartWatching();
        _log.Lines.Clear();

        Raise(CertPath, FileEventKind.Attributes);
        Assert.Equal("103 default: path inspected (FileChange); changed: False.", _log.Lines[^1]);
    }

    [Fact]
    public void An_inspection_that_fails_says_why()
    {
        StartWatching();
        Files.Fail(CertPath, new IOException("Input/output error"));
        _log.Lines.Clear();

        Raise(CertPath);
        Assert.EndsWith("changed: True; the paths of the files cannot be watched: Input/output error.", _log.Lines.Single(line => line.StartsWith("103 ", StringComparison.Ordinal)), StringComparison.Ordinal);
    }

    [Fact]
    public void Events_that_concern_everything_are_logged_too()
    {
        StartWatching();
        _log.Lines.Clear();

        Events.RaiseEverything(FileEventKind.Overflow);
        Barrier();
        Assert.Equal("101 File event Overflow at every watched directory.", _log.Lines[0]);
    }

    [Fact]
    public void Nothing_is_formatted_while_debug_is_off()
    {
        _log.IsOn = false;
        StartWatching();
        Raise(CertPath);
        Assert.Empty(_log.Lines);
    }

    private void StartWatching()
    {
        Write(TestPair.Make());
        WatchedFiles[] files = [Options().ToWatchedFiles()];
        Sys.ActorOf(Props.Create(() => new FileWatchActor(files, Events.Open, new DiskScheduler(Files, Disk), TestActor, CertificateMetrics.Shared.WatchEvents, _log)));
        Barrier();
    }

    private sealed class Recorder : ILogger
    {
        public List<string> Lines { get; } = [];

        public bool IsOn { get; set; } = true;

        public IDisposable? BeginScope<TState>(TState state)
            where TState : notnull => null;

        public bool IsEnabled(LogLevel logLevel) => IsOn;

        public void Log<TState>(LogLevel logLevel, EventId eventId, TState state, Exception? exception, Func<TState, Exception?, string> formatter) =>
            Lines.Add($"{eventId.Id} {formatter(state, exception)}");
    }
}
