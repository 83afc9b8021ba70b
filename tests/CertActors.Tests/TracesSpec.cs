using System.Collections.Concurrent;
using System.Diagnostics;
using CertActors.Diagnostics;
using CertActors.Tests.Support;

namespace CertActors.Tests;

/// <summary>The traces of loads.</summary>
[Collection(ReloadTrace.SourceName)]
public sealed class TracesSpec : PipelineKit
{
    // Those of tests that run at the same time are recorded, too, and told apart by the name.
    private const string Name = "traced";
    private const string BundlePath = "/trust/ca.pem";

    private readonly ConcurrentQueue<Activity> _stopped = [];
    private readonly ActivityListener _listener;

    public TracesSpec()
    {
        _listener = new ActivityListener
        {
            ShouldListenTo = source => source.Name == ReloadTrace.SourceName,
            Sample = static (ref ActivityCreationOptions<ActivityContext> _) => ActivitySamplingResult.AllDataAndRecorded,
            ActivityStopped = _stopped.Enqueue,
        };
        ActivitySource.AddActivityListener(_listener);
        Write(TestPair.Make());
    }

    [Fact]
    public void A_load_has_one_trace_with_its_stages_and_no_parent()
    {
        using var request = new Activity("of the caller").Start();
        Start(Options(Name));
        Rotate(TestPair.Make());
        AdvancePastDebounce();

        Assert.Same(request, Activity.Current);
        var reload = Reloads()[^1];
        Assert.Null(reload.Parent);
        Assert.Equal(default, reload.ParentSpanId);
        Assert.NotEqual(request.TraceId, reload.TraceId);
        Assert.Equal(("certactors.reload", "changed", 2L, "FileChange"), (reload.OperationName, Tag(reload, "certactors.outcome"), Tag(reload, "certactors.generation"), Tag(reload, "certactors.reason")));
        Assert.Equal("touched", Assert.Single(reload.Events).Name);
        Assert.Equal(["certactors.read", "certactors.parse", "certactors.judge", "certactors.build", "certactors.swap"], StagesOf(reload));
    }

    [Fact]
    public void A_load_that_is_unchanged_rejected_held_or_given_up_says_so()
    {
        Start(Options(Name));
        Files.Write(CertPath, "");
        Raise(CertPath);
        AdvancePastDebounce();
        var rejected = Reloads()[^1];
        Assert.Equal(("rejected", "FileEmpty", ActivityStatusCode.Error), (Tag(rejected, "certactors.outcome"), Tag(rejected, "error.type"), rejected.Status));
        Assert.Contains("/certs/tls.crt is empty", rejected.StatusDescription, StringComparison.Ordinal);
        Assert.Equal(["certactors.read"], StagesOf(rejected));

        var next = TestPair.Make();
        Files.Write(CertPath, next.CertificatePem);
        Raise(CertPath);
        AdvancePastDebounce();
        Assert.Equal("held", Tag(Reloads()[^1], "certactors.outcome"));
        Files.Write(KeyPath, next.KeyPem);
        Raise(KeyPath);
        AdvancePastDebounce();
        Raise(KeyPath);
        AdvancePastDebounce();
        Assert.Equal("unchanged", Tag(Reloads()[^1], "certactors.outcome"));

        HangNextLoad();
        AdvancePastLoadTimeLimit();
        Assert.Equal("TimedOut", Tag(Reloads()[^1], "error.type"));
        var count = Reloads().Count;
        ReleaseDisk();
        Assert.Equal(3, Status(Name).LastChange?.Generation);
        Assert.Equal(count, Reloads().Count(reload => Tag(reload, "certactors.reason") as string != "Poll"));
    }

    [Fact]
    public void A_load_of_a_trust_bundle_is_traced_too_and_what_its_actor_abandons_ends()
    {
        Files.Write(BundlePath, new TestAuthority("one").CertificatePem);
        Start(new CertificatesOptions { Certificates = [Options()], TrustBundles = [new() { Name = Name, CertificatePaths = [BundlePath] }] });
        Assert.Equal(["certactors.read", "certactors.parse", "certactors.judge", "certactors.swap"], StagesOf(Reloads()[0]));

        Disk.Hangs = true;
        Files.Write(BundlePath, new TestAuthority("other").CertificatePem);
        Raise(BundlePath);
        AdvancePastDebounce();
        Kill(Child($"bundle-{Name}"));
        Assert.Equal("abandoned", Tag(Reloads()[^1], "certactors.outcome"));
        ReleaseDisk();
    }

    [Fact]
    public void The_wait_for_hooks_is_a_stage()
    {
        Start(CertificateSupervisor.Props(State(new CertificatesOptions { Certificates = [Options(Name)] }, holder: null, new Consenting())));

        var reload = Reloads()[0];
        Assert.Equal(["certactors.read", "certactors.parse", "certactors.judge", "certactors.build", "certactors.hooks", "certactors.swap"], StagesOf(reload));
        Assert.Equal("changed", Tag(reload, "certactors.outcome"));
    }

    [Fact]
    public void Nothing_is_created_while_nobody_listens()
    {
        Assert.NotNull(ReloadTrace.Start(Name, ReloadReason.Start, touchedAt: null));
        _listener.Dispose();

        Assert.Null(ReloadTrace.Start(Name, ReloadReason.Start, touchedAt: null));
        using var outer = new Activity("of the caller").Start();
        Assert.Null(ReloadTrace.Begin(ReloadTrace.Read));
    }

    protected override void AfterAll()
    {
        _listener.Dispose();
        base.AfterAll();
    }

    private List<Activity> Reloads() => [.. _stopped.Where(activity => Tag(activity, "certactors.name") as string == Name)];

    private IEnumerable<string> StagesOf(Activity reload) =>
        _stopped.Where(activity => activity.TraceId == reload.TraceId && activity != reload).Select(stage => stage.OperationName);

    private static object? Tag(Activity activity, string key) => activity.GetTagItem(key);

    private sealed class Consenting : IRotationHook;
}
