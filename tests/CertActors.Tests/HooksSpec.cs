using CertActors.Tests.Support;

namespace CertActors.Tests;

/// <summary>Hooks before and after a swap, and after a drain.</summary>
public sealed class HooksSpec : PipelineKit
{
    private const string BundlePath = "/trust/ca.pem";
    private const string OtherCertPath = "/other/tls.crt";
    private const string OtherKeyPath = "/other/tls.key";

    private readonly ScriptedHook _hook = new() { Name = "first" };
    private readonly ScriptedHook _second = new() { Name = "second" };

    public HooksSpec()
    {
        Write(TestPair.Make());
    }

    [Fact]
    public void Hooks_are_called_before_and_after_each_swap_and_when_the_old_generation_has_drained()
    {
        StartWithHooks();
        Assert.Equal(["before default 1", "after default 1"], _hook.TakeCalls());

        using var connection = Current.BeginConnection();
        Rotate(TestPair.Make());
        AdvancePastDebounce();
        Assert.Equal(["before default 2", "after default 2"], _hook.TakeCalls());
        connection.Dispose();
        Barrier();
        Assert.Equal(["drained default 1"], _hook.TakeCalls());
        Assert.Equal(Current.Facts, ((CertificateChanged)_hook.Last!).Current);
    }

    [Fact]
    public void A_veto_is_a_rejection_and_the_next_retry_or_reload_asks_again()
    {
        StartWithHooks();
        News();
        _second.Veto = "not \u001b[31mnow";
        var next = Rotate(TestPair.Make());
        AdvancePastDebounce();

        Assert.Equal(1, Current.Generation);
        var failure = Assert.Single(News<CertificateReloadFailed>());
        Assert.Equal(RejectionReason.Vetoed, failure.Reason);
        Assert.Contains("/certs/tls.crt and /certs/tls.key contain was vetoed by second: not", failure.Message, StringComparison.Ordinal);
        Assert.Contains(Logged(), line => line.Contains("vetoed by second: not \\u{1B}[31mnow", StringComparison.Ordinal));
        Assert.Equal(RejectionReason.Vetoed, Status().LastFailure?.Reason);

        Pass(seconds: 20, stepMilliseconds: 250);
        Assert.Empty(News());
        Assert.InRange(_second.TakeCalls().Count(call => call == "before default 2"), 4, 40);

        Supervisor.Tell(new ReloadNow(), TestActor);
        Barrier();
        Assert.Equal(RejectionReason.Vetoed, Assert.Single(ExpectMsg<ReloadNowResult>().Outcomes).Failure?.Reason);

        _second.Veto = null;
        Supervisor.Tell(new ReloadNow(), TestActor);
        Barrier();
        Assert.Equal(ReloadOutcomeKind.Changed, Assert.Single(ExpectMsg<ReloadNowResult>().Outcomes).Kind);
        Assert.Equal((2, next.Sha256), (Current.Generation, Current.Facts.Sha256));
        Assert.Null(Status().LastFailure);
    }

    [Fact]
    public void A_trust_bundle_is_proposed_too()
    {
        Files.Write(BundlePath, new TestAuthority("one").CertificatePem);
        StartWithHooks(new CertificatesOptions { Certificates = [Options()], TrustBundles = [new() { Name = "clients", CertificatePaths = [BundlePath] }] });
        _hook.Veto = "peers still need it";
        Files.Write(BundlePath, new TestAuthority("other").CertificatePem);
        Raise(BundlePath);
        AdvancePastDebounce();

        Assert.Equal(["CN=one"], Holder.GetTrustBundle("clients")!.Authorities.Select(authority => authority.Subject));
        Assert.Equal(["CN=one"], ((TrustBundleChanged)_hook.Last!).Removed.Select(authority => authority.Subject));
    }

    [Fact]
    public void A_hook_that_throws_is_reported_and_the_rotation_goes_on()
    {
        StartWithHooks();
        _hook.Fault = new InvalidOperationException("the registry is down");
        Rotate(TestPair.Make());
        AdvancePastDebounce();

        Assert.Equal(2, Current.Generation);
        Assert.Contains(Logged(), line => line.Contains("default: BeforeSwapAsync of the rotation hook first failed (InvalidOperationException): the registry is down.", StringComparison.Ordinal));
        Assert.Contains(Logged(), line => line.Contains("default: AfterSwapAsync of the rotation hook first failed", StringComparison.Ordinal));
        Assert.Equal(["before default 1", "after default 1", "before default 2", "after default 2"], _second.TakeCalls());
    }

    [Fact]
    public void A_hook_that_hangs_delays_its_own_pair_by_its_time_limit_and_nothing_else()
    {
        Write(TestPair.Make(), OtherCertPath, OtherKeyPath);
        StartWithHooks(new CertificatesOptions { Certificates = [Options(), Options("other", OtherCertPath, OtherKeyPath)] });
        _hook.TakeCalls();
        _second.TakeCalls();
        _hook.Hangs = name => name == "default";
        Rotate(TestPair.Make());
        Write(TestPair.Make(), OtherCertPath, OtherKeyPath);
        Raise(OtherCertPath);
        AdvancePastDebounce();

        Assert.Equal((1, 2), (Current.Generation, Holder.Get("other")!.Generation));
        Assert.Contains("after other 2", _hook.TakeCalls());
        Advance(seconds: 1.9);
        Assert.Equal(1, Current.Generation);
        Advance(seconds: 0.1);
        Assert.Equal(2, Current.Generation);
        Assert.True(_hook.WasCancelled);
        Assert.Contains(Logged(), line => line.Contains("default: BeforeSwapAsync of the rotation hook first has not ended within 00:00:02", StringComparison.Ordinal));
        Assert.Equal(["after default 2", "after other 2", "before default 2", "before other 2"], _second.TakeCalls().Order());
    }

    [Fact]
    public void A_call_that_was_given_up_is_not_repeated_until_it_ends()
    {
        StartWithHooks();
        _hook.Hangs = _ => true;
        Rotate(TestPair.Make());
        AdvancePastDebounce();
        Advance(seconds: 2);
        Advance(seconds: 2);
        _hook.TakeCalls();

        for (var generation = 3; generation < 6; generation++)
        {
            Rotate(TestPair.Make());
            AdvancePastDebounce();
            Assert.Equal(generation, Current.Generation);
        }

        Assert.Empty(_hook.TakeCalls());
        Assert.Equal(3, Logged().Count(line => line.Contains("default: BeforeSwapAsync of the rotation hook first is left out", StringComparison.Ordinal)));
        Assert.Equal(3, Logged().Count(line => line.Contains("default: AfterSwapAsync of the rotation hook first is left out", StringComparison.Ordinal)));
        _hook.Hangs = _ => false;
        _hook.ReleaseAll();
        Barrier();
        Rotate(TestPair.Make());
        AdvancePastDebounce();
        Assert.Equal(["before default 6", "after default 6"], _hook.TakeCalls());
    }

    [Fact]
    public void A_hook_that_blocks_takes_four_threads_and_none_from_the_other_hooks()
    {
        HasOwnThreads = true; // Calls that have no thread are cancelled on the thread pool, and report their end from there.
        CertificateOptions[] pairs = [.. Enumerable.Range(0, 6).Select(i => Options($"{i}", $"/certs/{i}/tls.crt", $"/certs/{i}/tls.key"))];
        foreach (var pair in pairs)
            Write(TestPair.Make(), pair.CertificatePath, pair.KeyPath);
        HookThreads.Hangs = true;
        StartWithHooks(new CertificatesOptions { Certificates = [.. pairs] });
        Assert.Equal(4 + 4, HookThreads.Waiting);

        // None has got a thread.
        Advance(seconds: 2);
        Assert.All(pairs, pair => Assert.Equal(1, Holder.Get(pair.Name)?.Generation));
        Assert.Equal(6, Logged().Count(line => line.Contains("BeforeSwapAsync of the rotation hook first is left out: other calls of it", StringComparison.Ordinal)));
        _hook.TakeCalls();

        // Those after the swaps have threads of their own. The ones that were left out are not made later.
        HookThreads.Release();
        Barrier();
        Assert.Equal(pairs.Select(pair => $"after {pair.Name} 1"), _hook.TakeCalls().Order(StringComparer.Ordinal));
    }

    [Fact]
    public void A_veto_that_comes_late_changes_nothing()
    {
        StartWithHooks();
        _hook.Hangs = _ => true;
        Rotate(TestPair.Make());
        AdvancePastDebounce();
        Advance(seconds: 2);
        _hook.Veto = "too late";
        _hook.ReleaseAll();
        Barrier();

        Assert.Equal(2, Current.Generation);
        Assert.Null(Status().LastFailure);
    }

    [Fact]
    public void What_changes_while_the_hooks_are_asked_is_loaded_afterwards()
    {
        StartWithHooks();
        _hook.Hangs = _ => true;
        Rotate(TestPair.Make());
        AdvancePastDebounce();
        var last = Rotate(TestPair.Make());
        AdvancePastDebounce();
        Assert.Equal(1, Current.Generation);
        _hook.Hangs = _ => false;
        _hook.ReleaseAll();
        Barrier();

        Assert.Equal((3, last.Sha256), (Current.Generation, Current.Facts.Sha256));
    }

    [Fact]
    public void An_actor_that_ends_while_its_hooks_are_asked_loads_again_and_a_removed_pair_is_not_served()
    {
        StartWithHooks();
        _hook.Hangs = _ => true;
        Rotate(TestPair.Make());
        AdvancePastDebounce();
        Kill(Child("pair-default"));
        _hook.Hangs = _ => false;
        _hook.ReleaseAll();
        AdvancePastFirstRestart();
        Assert.Equal(2, Current.Generation);

        _hook.Hangs = _ => true;
        Rotate(TestPair.Make());
        AdvancePastDebounce();
        Supervisor.Tell(new RemoveCertificate("default"), TestActor);
        Barrier();
        Assert.True(ExpectMsg<RemoveCertificateResult>().WasKnown);
        _hook.ReleaseAll();
        Barrier();
        Assert.Null(Holder.Get("default"));
    }

    [Fact]
    public void A_veto_counts_although_its_call_had_to_wait_for_those_of_earlier_incarnations_of_the_actor()
    {
        StartWithHooks();
        _hook.TakeCalls();
        _hook.Hangs = _ => true;
        Rotate(TestPair.Make());
        AdvancePastDebounce();
        Kill(Child("pair-default"));
        AdvancePastFirstRestart();
        Kill(Child("pair-default"));
        Advance(milliseconds: 500);
        Advance(seconds: 1.2);
        _hook.ReleaseAll();
        Barrier();
        Assert.Equal(["before default 2", "before default 2"], _hook.TakeCalls());

        Advance(seconds: 1.9);
        Assert.Equal(1, Current.Generation);
        _hook.Veto = "not now";
        _hook.Hangs = _ => false;
        _hook.ReleaseAll();
        Barrier();
        Assert.Equal(RejectionReason.Vetoed, Status().LastFailure?.Reason);
        Pass(seconds: 5);
        Assert.Equal(1, Current.Generation);
    }

    [Fact]
    public void The_actor_of_the_hooks_may_fail_and_the_rotation_goes_on()
    {
        StartWithHooks();
        _hook.Hangs = _ => true;
        Rotate(TestPair.Make());
        AdvancePastDebounce();
        Kill(Child("hooks"));
        Assert.True(_hook.WasCancelled);
        Advance(seconds: 5);
        Assert.Equal(2, Current.Generation);

        _hook.Hangs = _ => false;
        _hook.ReleaseAll();
        Barrier();
        _hook.TakeCalls();
        Rotate(TestPair.Make());
        AdvancePastDebounce();
        Assert.Equal(["before default 3", "after default 3"], _hook.TakeCalls());
    }

    [Fact]
    public void What_a_supervisor_finds_served_is_no_swap()
    {
        StartWithHooks();
        Stop();
        _hook.TakeCalls();
        StartWithHooks();
        Supervisor.Tell(Akka.Actor.Kill.Instance, TestActor);
        Barrier();
        Advance(seconds: 1);

        Assert.Empty(_hook.TakeCalls());
    }

    [Fact]
    public void A_time_limit_out_of_range_is_refused()
    {
        var options = new CertificatesOptions { Certificates = [Options()] };
        var invalid = Assert.Throws<CertificateOptionsException>(() => CertificateSupervisor.Props(Holder, options, hooks: [_hook, new ScriptedHook { Name = "slow", TimeLimit = TimeSpan.FromHours(2) }]));
        Assert.Equal("hook 'slow': TimeLimit is 02:00:00; set it above 0 and at most to 01:00:00", Assert.Single(invalid.Errors));
    }

    private void StartWithHooks(CertificatesOptions? options = null) =>
        Start(CertificateSupervisor.Props(State(options ?? new CertificatesOptions { Certificates = [Options()] }, holder: null, _hook, _second)));

    private sealed class ScriptedHook : IRotationHook
    {
        private readonly List<string> _calls = [];
        private readonly List<TaskCompletionSource> _hanging = [];
        private readonly List<CancellationToken> _tokens = [];

        public string Name { get; init; } = "";

        public TimeSpan TimeLimit { get; init; } = TimeSpan.FromSeconds(2);

        public string? Veto { get; set; }

        public Exception? Fault { get; set; }

        public Func<string, bool> Hangs { get; set; } = _ => false;

        public GenerationChanged? Last { get; private set; }

        public bool WasCancelled => _tokens.Exists(token => token.IsCancellationRequested);

        public string[] TakeCalls()
        {
            string[] calls = [.. _calls];
            _calls.Clear();
            return calls;
        }

        // Continuations run at once, instead of being posted to xunit's context.
        public void ReleaseAll()
        {
            var context = SynchronizationContext.Current;
            SynchronizationContext.SetSynchronizationContext(null);
            foreach (var hanging in _hanging)
                hanging.SetResult();
            _hanging.Clear();
            SynchronizationContext.SetSynchronizationContext(context);
        }

        public async Task<string?> BeforeSwapAsync(GenerationChanged next, CancellationToken cancellationToken)
        {
            Last = next;
            await CallAsync($"before {next.Name} {next.Generation}", next.Name, cancellationToken);
            return Veto;
        }

        public Task AfterSwapAsync(GenerationChanged change, CancellationToken cancellationToken)
        {
            Last = change;
            return CallAsync($"after {change.Name} {change.Generation}", change.Name, cancellationToken);
        }

        public Task AfterDrainAsync(GenerationDrained drained, CancellationToken cancellationToken) =>
            CallAsync($"drained {drained.Name} {drained.Generation}", drained.Name, cancellationToken);

        private async Task CallAsync(string call, string name, CancellationToken cancellationToken)
        {
            _calls.Add(call);
            _tokens.Add(cancellationToken);
            if (Fault is not null)
                throw Fault;
            if (!Hangs(name))
                return;
            var hanging = new TaskCompletionSource();
            _hanging.Add(hanging);
            await hanging.Task;
        }
    }
}
