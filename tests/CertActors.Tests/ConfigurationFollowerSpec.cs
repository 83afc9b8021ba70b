extern alias hosting;

using Akka.TestKit;
using CertActors.Tests.Support;
using hosting::CertActors.Hosting;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;
using Microsoft.Extensions.Primitives;
using Microsoft.Extensions.Time.Testing;

namespace CertActors.Tests;

/// <summary>What the supervisor gets when the configuration changes, and when.</summary>
public sealed class ConfigurationFollowerSpec : PipelineKit, IOptionsFactory<CertificatesOptions>, IOptionsChangeTokenSource<CertificatesOptions>
{
    private static readonly CertificateOptions A = Options("a", "/a/tls.crt", "/a/tls.key") with { MustChainTo = "trust" };
    private static readonly CertificateOptions B = Options("b", "/b/tls.crt", "/b/tls.key");
    private static readonly TrustBundleOptions Trust = new() { CertificatePaths = ["/trust/ca.pem"], RevocationListPaths = ["/trust/ca.crl"] };
    private static readonly TrustBundleOptions Callers = new() { Name = "callers", CertificatePaths = ["/trust/callers.pem"] };

    private readonly RecordedTimers _time = new();
    private readonly LoggedLines _log = new();
    private readonly TestProbe _supervisor;
    private Func<CertificatesOptions> _configured = () => Of([A], Trust, Callers);
    private CancellationTokenSource _changed = new();
    private ConfigurationFollower? _follower;

    public ConfigurationFollowerSpec()
    {
        _supervisor = CreateTestProbe();
    }

    public string Name => Microsoft.Extensions.Options.Options.DefaultName;

    public static TheoryData<string> Removals { get; } = [.. Changes.Keys];

    private static Dictionary<string, CertificatesOptions> Changes => new()
    {
        ["a pair"] = Of([B], Trust, Callers),
        ["a bundle"] = Of([A], Trust),
        ["what a pair must chain to"] = Of([A with { MustChainTo = null }], Trust, Callers),
        ["the path of a pair"] = Of([A with { KeyPath = "/b/tls.key" }], Trust, Callers),
        ["the revocation lists of a bundle"] = Of([A], Trust with { RevocationListPaths = [] }, Callers),
        ["the revocation lists of a bundle, while a pair is added"] = Of([A, B], Trust with { RevocationListPaths = [] }, Callers),
    };

    [Fact]
    public void What_is_added_is_applied_at_once()
    {
        Start();

        Change(Of([B, A], new TrustBundleOptions { Name = "more", CertificatePaths = ["/trust/more.pem"] }, Callers, Trust));

        Assert.Equal("b a more callers trust", Assert.Single(Sent()));
    }

    [Theory]
    [MemberData(nameof(Removals))]
    public void What_removes_or_replaces_something_is_applied_if_it_still_does_after_2_s(string what)
    {
        Start();

        Change(Changes[what]);
        _time.Advance(TimeSpan.FromSeconds(1.9));
        Assert.Empty(Sent());
        _time.Advance(TimeSpan.FromSeconds(0.1));
        Assert.Single(Sent());

        // What it took away is an addition now, or a change.
        Change(Of([A, B], Trust, Callers));
        _time.Advance(TimeSpan.FromSeconds(2));
        Assert.Single(Sent());
    }

    [Theory]
    [MemberData(nameof(Removals))]
    public void What_is_there_again_within_2_s_was_never_removed_or_replaced(string what)
    {
        Start();

        Change(Changes[what]);
        _time.Advance(TimeSpan.FromSeconds(1.9));
        Change(Of([A], Trust, Callers));
        _time.Advance(TimeSpan.FromSeconds(10));

        Assert.Equal("a trust callers", Assert.Single(Sent()));
    }

    [Fact]
    public void The_2_s_begin_again_when_what_is_configured_changes_and_not_when_it_is_read_again()
    {
        Start();
        Change(Of([B], Trust));
        _time.Advance(TimeSpan.FromSeconds(1));
        Change(Of([B]));
        for (var i = 0; i < 3; i++)
        {
            Assert.Empty(Sent());
            _time.Advance(TimeSpan.FromSeconds(0.6));
            Change(Of([B]));
        }

        Assert.Empty(Sent());
        _time.Advance(TimeSpan.FromSeconds(0.2));
        Assert.Equal("b", Assert.Single(Sent()));
    }

    [Fact]
    public void What_has_changed_once_more_is_waited_for_even_if_its_change_is_not_reported_yet()
    {
        Start();
        Change(Of([B], Trust));
        _configured = () => Of([B]);

        _time.Advance(TimeSpan.FromSeconds(2));
        Assert.Empty(Sent());
        _time.Advance(TimeSpan.FromSeconds(2));

        Assert.Equal("b", Assert.Single(Sent()));
    }

    [Theory]
    [MemberData(nameof(Removals))]
    public void Without_a_second_look_every_change_is_applied_at_once(string what)
    {
        Start(new FollowerOptions { SecondLook = TimeSpan.Zero });

        Change(Changes[what]);

        Assert.Single(Sent());
    }

    [Fact]
    public void A_timer_that_has_fired_in_vain_does_not_shorten_the_next_wait()
    {
        Start();
        Change(Of([B], Trust));
        Change(Of([A], Trust, Callers));
        Assert.Single(Sent());
        Change(Of([B], Trust));

        // It waited for the lock while the configuration changed.
        _time.Callbacks[0]();
        Assert.Empty(Sent());
        _follower!.Dispose();
        _time.Callbacks[1]();

        Assert.Empty(Sent());
    }

    [Fact]
    public async Task What_the_supervisor_refuses_is_taken_from_nobody_afterwards()
    {
        Start();
        Change(Of([A, B], Trust, Callers));
        Barrier();
        var refused = _supervisor.ExpectMsg<UpdateCertificates>();
        _supervisor.Reply(new UpdateCertificatesResult { Errors = ["the files of 'b' are those of a pair that a message has added"] });
        await EventuallyAsync(() => _log.All.Any(line => line.Line.Contains("the files of 'b'", StringComparison.Ordinal)));

        // It was never there: without it, something is added only.
        Change(Of([A], Trust, Callers, new TrustBundleOptions { Name = "more", CertificatePaths = ["/trust/more.pem"] }));

        Assert.Equal(2, refused.Options.Certificates.Count);
        Assert.Equal("a trust callers more", Assert.Single(Sent()));
    }

    [Fact]
    public void A_failed_read_is_logged_and_a_log_that_fails_ends_no_process()
    {
        Start();
        Change(Of([B], Trust));
        _configured = () => throw new InvalidOperationException("no such thing");
        _time.Advance(TimeSpan.FromSeconds(2));
        Assert.Equal(LogLevel.Error, Assert.Single(_log.All, line => line.Line.Contains("no such thing", StringComparison.Ordinal)).Level);

        Change(Of([B], Trust));
        _configured = () => throw new InvalidOperationException("no such thing");
        _log.Fails = true;
        _time.Advance(TimeSpan.FromSeconds(2));
        Assert.Equal(1, _log.Failures);

        Change(Of([A, B], Trust, Callers));
        Assert.Equal("a b trust callers", Assert.Single(Sent()));
    }

    CertificatesOptions IOptionsFactory<CertificatesOptions>.Create(string name) => _configured();

    IChangeToken IOptionsChangeTokenSource<CertificatesOptions>.GetChangeToken() => new CancellationChangeToken(_changed.Token);

    protected override void AfterAll()
    {
        _follower?.Dispose();
        _changed.Dispose();
        base.AfterAll();
    }

    // As a configuration does, which makes all of them new each time.
    private static CertificatesOptions Of(CertificateOptions[] pairs, params TrustBundleOptions[] bundles) =>
        new CertificatesOptions { Certificates = pairs, TrustBundles = bundles }.Validated();

    private void Start(FollowerOptions? options = null)
    {
        _follower = new ConfigurationFollower(_supervisor, _configured(), this, [this], options ?? new FollowerOptions(), _time, _log);
        Assert.Single(Sent());
    }

    private void Change(CertificatesOptions options)
    {
        _configured = () => options;
        using var before = _changed;
        _changed = new CancellationTokenSource();
        before.Cancel();
    }

    /// <summary>The names that the supervisor was sent since the last call.</summary>
    private List<string> Sent()
    {
        Barrier();
        List<string> sent = [];
        while (_supervisor.HasMessages)
        {
            var options = _supervisor.ExpectMsg<UpdateCertificates>().Options;
            sent.Add(string.Join(' ', options.Certificates.Select(pair => pair.Name).Concat(options.TrustBundles.Select(bundle => bundle.Name))));
        }

        return sent;
    }

    private sealed class RecordedTimers : FakeTimeProvider
    {
        public List<Action> Callbacks { get; } = [];

        public override ITimer CreateTimer(TimerCallback callback, object? state, TimeSpan dueTime, TimeSpan period)
        {
            Callbacks.Add(() => callback(state));
            return base.CreateTimer(callback, state, dueTime, period);
        }
    }
}
