using Akka.Actor;
using CertActors.Holding;
using CertActors.Tests.Support;
using Microsoft.Extensions.Time.Testing;

namespace CertActors.Tests;

/// <summary>What clients and servers wait for while pairs are loaded for the first time.</summary>
public sealed class WaitingSpec : PipelineKit
{
    private static readonly TimeSpan MaxWait = TimeSpan.FromSeconds(30);

    private readonly FakeTimeProvider _time = new();
    private readonly CertificateHolder _holder;

    public WaitingSpec()
    {
        _holder = new CertificateHolder(_time);
    }

    [Fact]
    public async Task Handshakes_that_need_what_is_not_loaded_are_logged_at_once_and_then_once_a_minute()
    {
        Write(TestPair.Make());
        Start();
        var misspelt = new CertificateServerOptions { ClientCertificates = ClientCertificates.Require, TrustBundle = "cleints" };
        for (var handshake = 0; handshake < 3; handshake++)
        {
            await Assert.ThrowsAsync<CertificateNotLoadedException>(async () => await Holder.SelectIdentityAsync(null, misspelt));
            Barrier();
        }

        Assert.Contains("1 handshakes failed, as what they need is not loaded. The last: The trust bundle 'cleints' is not loaded", Assert.Single(Unserved()), StringComparison.Ordinal);
        Advance(seconds: 59);
        Assert.Single(Unserved());
        Advance(seconds: 1);
        Assert.Contains("2 handshakes failed", Unserved()[^1], StringComparison.Ordinal);
        Advance(seconds: 60);
        Assert.Equal(2, Unserved().Length);

        string[] Unserved() => [.. Logged().Where(line => line.Contains("handshakes failed", StringComparison.Ordinal))];
    }

    [Fact]
    public async Task A_client_waits_for_the_pair_that_has_its_name_by_the_options()
    {
        var cells = Claim(Options(), Options("b") with { ServerNames = ["b.example", "*.w.example"] });
        TestServing.Publish(cells[0], "a.example", "*.example");
        Task<ServingCertificate>[] waiting = [Select("b.example"), Select("B.Example."), Select("x.w.example")];
        Assert.All(waiting, client => Assert.False(client.IsCompleted));
        Assert.All(["a.example", "c.example", "w.example", null, "10.0.0.1"], name => Assert.Equal("default", AtOnce(Select(name)).Name));

        var pair = TestServing.Publish(cells[1]);

        Assert.All(await Task.WhenAll(waiting).WaitAsync(MaxWait), selected => Assert.Same(pair, selected));
        Assert.Same(pair, AtOnce(Select("b.example")));
    }

    [Fact]
    public async Task A_client_whose_name_a_leaf_may_bring_waits_for_its_pair_alone()
    {
        var cells = Claim(Options(), Options("b"), Options("c"));
        TestServing.Publish(cells[0], "a.example", "*.a.example");
        var (b, d) = (Select("b.example"), Select("d.example"));
        Assert.All(["a.example", "x.a.example", null, "", "10.0.0.1", "::1"], name => Assert.Equal("default", AtOnce(Select(name)).Name));

        var pair = TestServing.Publish(cells[1], "*.example");
        Assert.Same(pair, await b.WaitAsync(MaxWait));
        Assert.Same(pair, await d.WaitAsync(MaxWait));

        var e = Select("e");
        Assert.False(e.IsCompleted);
        TestServing.Publish(cells[2], "c.example");
        Assert.Equal("default", (await e.WaitAsync(MaxWait)).Name);
        Assert.Equal("default", AtOnce(Select("f")).Name);
    }

    [Fact]
    public async Task A_client_that_has_waited_for_5_s_gets_the_default()
    {
        var cells = Claim(Options(), Options("b"));
        TestServing.Publish(cells[0], "a.example");
        var waiting = Select("b.example");

        _time.Advance(TimeSpan.FromMilliseconds(4999));
        Assert.False(waiting.IsCompleted);
        _time.Advance(TimeSpan.FromMilliseconds(1));

        Assert.Equal("default", (await waiting.WaitAsync(MaxWait)).Name);
    }

    [Fact]
    public async Task What_wakes_a_client_does_not_prolong_its_wait()
    {
        var cells = Claim(Options(), Options("b"), Options("c") with { ServerNames = ["c.example"] });
        TestServing.Publish(cells[0], "a.example");
        var waiting = Select("c.example");

        _time.Advance(TimeSpan.FromSeconds(3));
        cells[1].EndFirstLoad();
        TestServing.Publish(cells[0], "c.example.org");
        _time.Advance(TimeSpan.FromSeconds(2));

        Assert.Equal("default", (await waiting.WaitAsync(MaxWait)).Name);
    }

    [Fact]
    public async Task A_missing_default_fails_no_client_of_another_pair()
    {
        var cells = Claim(Options(), Options("b"));
        Task<ServingCertificate>[] waiting = [Select("b.example"), Select(null), Select("c.example")];
        cells[0].EndFirstLoad();
        Assert.All(waiting, client => Assert.False(client.IsCompleted));

        var pair = TestServing.Publish(cells[1], "b.example");
        Assert.Same(pair, await waiting[0].WaitAsync(MaxWait));
        Assert.All(waiting[1..], client => Assert.False(client.IsCompleted));

        var fallback = TestServing.Publish(cells[0], "a.example");
        Assert.All(await Task.WhenAll(waiting[1..]).WaitAsync(MaxWait), selected => Assert.Same(fallback, selected));
    }

    [Fact]
    public async Task A_client_that_nothing_loaded_may_answer_fails_with_what_is_missing_and_why()
    {
        var cells = Claim(Options(), Options("b") with { ServerNames = ["b.example"] });
        cells[0].LastFailure = Failure("default", "its file is gone.");
        cells[0].EndFirstLoad();
        var waiting = Select("b.example");

        _time.Advance(CertificateHolder.DefaultWait);

        var failed = await Assert.ThrowsAsync<CertificateNotLoadedException>(() => waiting.WaitAsync(MaxWait));
        Assert.Equal(["b", "default"], failed.Missing);
        Assert.Equal("default", failed.Failure?.Name);
        Assert.Equal("Certificate b was not loaded: no load has ended in time. Certificate default was not loaded: its file is gone.", failed.Message);
    }

    [Fact]
    public async Task A_strict_client_waits_for_its_name_and_is_refused_without_a_wait_once_no_pair_may_have_it()
    {
        Assert.Null(AtOnce(SelectStrict(null)));
        var early = SelectStrict("b.example");
        var cells = Claim(Options(), Options("b"));
        var unknown = SelectStrict("d.example");
        Assert.Null(AtOnce(SelectStrict("")));
        TestServing.Publish(cells[0], "a.example");
        Assert.All([early, unknown, SelectStrict("a")], client => Assert.False(client.IsCompleted));

        var pair = TestServing.Publish(cells[1], "b.example");

        Assert.Same(pair, await early.WaitAsync(MaxWait));
        Assert.Null(await unknown.WaitAsync(MaxWait));
        Assert.Null(AtOnce(SelectStrict("d.example")));
        Assert.Same(pair, AtOnce(SelectStrict("b.example")));
    }

    [Fact]
    public async Task A_strict_client_whose_pair_is_rejected_waits_as_nothing_else_may_answer()
    {
        var cells = Claim(Options(), Options("b") with { ServerNames = ["b.example", "b2.example"] });
        TestServing.Publish(cells[0], "a.example");
        cells[1].EndFirstLoad();
        Assert.Equal("default", AtOnce(Select("b.example")).Name);
        var (late, lucky) = (SelectStrict("b.example"), SelectStrict("b2.example", Timeout.InfiniteTimeSpan));

        _time.Advance(CertificateHolder.DefaultWait);
        var failed = await Assert.ThrowsAsync<CertificateNotLoadedException>(() => late.WaitAsync(MaxWait));
        Assert.Equal(["b"], failed.Missing);

        var pair = TestServing.Publish(cells[1]);
        Assert.Same(pair, await lucky.WaitAsync(MaxWait));
    }

    [Fact]
    public async Task A_client_before_the_supervisor_waits_for_it()
    {
        var (served, refused) = (Select("b.example"), SelectStrict("d.example"));
        var cells = Claim(Options("b"));
        Assert.False(served.IsCompleted || refused.IsCompleted);

        TestServing.Publish(cells[0], "b.example");

        Assert.Equal("b", (await served.WaitAsync(MaxWait)).Name);
        Assert.Null(await refused.WaitAsync(MaxWait));
    }

    [Fact]
    public async Task Without_a_supervisor_a_client_fails_after_5_s()
    {
        Task[] waiting = [Select("b.example"), SelectStrict("b.example"), _holder.WaitForAsync("b"), _holder.WaitForAllAsync()];
        _time.Advance(CertificateHolder.DefaultWait);

        foreach (var client in waiting)
        {
            var failed = await Assert.ThrowsAsync<CertificateNotLoadedException>(() => client.WaitAsync(MaxWait));
            Assert.Empty(failed.Missing);
            Assert.Contains("is the certificate supervisor running?", failed.Message, StringComparison.Ordinal);
        }
    }

    [Fact]
    public async Task Whoever_waits_can_be_cancelled()
    {
        using var caller = new CancellationTokenSource();
        Claim(Options());
        Task[] waiting =
        [
            _holder.SelectAsync("b.example", Timeout.InfiniteTimeSpan, caller.Token).AsTask(),
            _holder.WaitForAsync("default", Timeout.InfiniteTimeSpan, caller.Token),
            _holder.WaitForAllAsync(Timeout.InfiniteTimeSpan, caller.Token),
        ];
        await caller.CancelAsync();

        foreach (var waiter in waiting)
            await Assert.ThrowsAnyAsync<OperationCanceledException>(() => waiter.WaitAsync(MaxWait));
        await Assert.ThrowsAsync<ArgumentOutOfRangeException>(() => _holder.WaitForAsync("default", TimeSpan.FromSeconds(-2)));
    }

    [Fact]
    public async Task While_pairs_load_at_once_each_client_gets_its_own()
    {
        const int pairs = 500;

        var cells = Claim([.. Enumerable.Range(0, pairs).Select(i => Options($"{i}") with { ServerNames = i % 2 == 0 ? [] : [$"{i}.example"] })]);
        var clients = Enumerable.Range(0, pairs).Select(i => Task.Run(() => Select($"{i}.example", Timeout.InfiniteTimeSpan))).ToArray();
        await Task.WhenAll(cells.Select(cell => Task.Run(() => TestServing.Publish(cell, $"{cell.Name}.example"))));

        var selected = await Task.WhenAll(clients).WaitAsync(MaxWait);
        Assert.Equal(cells.Select(cell => cell.Name), selected.Select(certificate => certificate.Name));
    }

    [Fact]
    public async Task A_swap_wakes_those_alone_whom_it_concerns()
    {
        var checks = 0;
        var waiters = new Waiters(StringComparer.Ordinal);
        var waiting = waiters.WaitUntilAsync(["a", "b"], () => ++checks == 3, new TimeLimit(Timeout.InfiniteTimeSpan, _time), CancellationToken.None);

        waiters.Wake(["c"]);
        Assert.Equal(1, checks);
        foreach (var name in (string[])["b", "a"])
        {
            var before = checks;
            waiters.Wake([name]);
            Assert.True(SpinWait.SpinUntil(() => Volatile.Read(ref checks) > before, MaxWait));
        }

        Assert.True(await waiting.WaitAsync(MaxWait));
    }

    [Fact]
    public async Task A_pair_is_waited_for_by_its_own_name()
    {
        var early = _holder.WaitForAsync("b");
        var cells = Claim(Options(), Options("b") with { Purpose = CertificatePurpose.ClientAuthentication });
        var all = _holder.WaitForAllAsync();
        TestServing.Publish(cells[0]);
        Assert.False(early.IsCompleted || all.IsCompleted);

        var pair = TestServing.Publish(cells[1]);

        Assert.Same(pair, await early.WaitAsync(MaxWait));
        await all.WaitAsync(MaxWait);
        Assert.Same(pair, AtOnce(_holder.WaitForAsync("b")));
        Assert.True(_holder.WaitForAllAsync().IsCompletedSuccessfully);
    }

    [Fact]
    public async Task Who_waits_for_all_waits_for_a_pair_and_a_bundle_that_are_added_meanwhile()
    {
        var cells = Claim(Options());
        var all = _holder.WaitForAllAsync();
        var added = _holder.Add(Options("b"));
        var bundle = _holder.AddBundle("clients");

        TestServing.Publish(cells[0]);
        TestServing.Publish(added);
        Assert.False(all.IsCompleted);
        _holder.RemoveBundle(bundle.Name);

        await all.WaitAsync(MaxWait);
    }

    [Fact]
    public async Task A_restart_of_the_supervisor_ends_no_wait()
    {
        var owner = CreateTestProbe();
        CertificateOptions[] pairs = [Options(), Options("b") with { ServerNames = ["b.example"] }];
        _holder.Claim(owner, pairs);
        Task[] waiting = [_holder.WaitForFirstAsync(), _holder.WaitForAsync("b"), _holder.WaitForAllAsync(), Select("b.example"), SelectStrict("b.example")];

        var cells = _holder.Claim(owner, pairs);
        Assert.All(waiting, waiter => Assert.False(waiter.IsCompleted));
        foreach (var cell in cells)
            TestServing.Publish(cell);

        await Task.WhenAll(waiting).WaitAsync(MaxWait);
    }

    [Fact]
    public async Task An_unknown_pair_fails_as_soon_as_the_pairs_are_known()
    {
        var early = _holder.WaitForAsync("missing", Timeout.InfiniteTimeSpan);
        Claim([.. Enumerable.Range(0, 9).Select(i => Options($"pair-{i}"))]);

        foreach (var waiter in (Task[])[early, _holder.WaitForAsync("missing", Timeout.InfiniteTimeSpan)])
        {
            var failed = await Assert.ThrowsAsync<CertificateNotLoadedException>(() => waiter.WaitAsync(MaxWait));
            Assert.StartsWith("No certificate is named 'missing'; there are '", failed.Message, StringComparison.Ordinal);
            Assert.EndsWith(" and 1 more.", failed.Message, StringComparison.Ordinal);
        }
    }

    [Fact]
    public async Task Where_every_pair_is_for_clients_there_is_no_default_to_wait_for()
    {
        var early = _holder.WaitForFirstAsync(Timeout.InfiniteTimeSpan);
        Claim(Options() with { Purpose = CertificatePurpose.ClientAuthentication });

        foreach (var waiter in (Task[])[early, _holder.WaitForFirstAsync(Timeout.InfiniteTimeSpan)])
        {
            var failed = await Assert.ThrowsAsync<CertificateNotLoadedException>(() => waiter.WaitAsync(MaxWait));
            Assert.Contains("client authentication", failed.Message, StringComparison.Ordinal);
        }
    }

    [Fact]
    public async Task Who_waits_for_all_is_told_of_each_that_is_missing()
    {
        var cells = Claim([.. Enumerable.Range(0, 12).Select(i => Options($"pair-{i}"))]);
        TestServing.Publish(cells[1]);
        cells[3].LastFailure = Failure("pair-3", "its file is gone.");
        var waiting = _holder.WaitForAllAsync();
        _time.Advance(CertificateHolder.DefaultWait);

        var failed = await Assert.ThrowsAsync<CertificateNotLoadedException>(() => waiting.WaitAsync(MaxWait));
        Assert.Equal(11, failed.Missing.Count);
        Assert.DoesNotContain("pair-1", failed.Missing);
        Assert.Equal("pair-3", failed.Failure?.Name);
        Assert.EndsWith(" 3 more were not loaded.", failed.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task With_StopOnFailedFirstLoad_every_wait_ends_with_the_failure()
    {
        Task[] waiting =
        [
            Holder.SelectAsync("a.example", Timeout.InfiniteTimeSpan).AsTask(), Holder.SelectStrictAsync("b.example", Timeout.InfiniteTimeSpan).AsTask(),
            Holder.WaitForAsync("b", Timeout.InfiniteTimeSpan), Holder.WaitForAllAsync(Timeout.InfiniteTimeSpan),
        ];
        var pair = Options("b") with { ServerNames = ["b.example"] };
        Sys.ActorOf(CertificateSupervisor.Props(State(new CertificatesOptions { Certificates = [pair], StopOnFailedFirstLoad = true })));
        Barrier();

        foreach (var waiter in waiting)
        {
            var failed = await Assert.ThrowsAsync<CertificateNotLoadedException>(() => waiter.WaitAsync(MaxWait));
            Assert.Equal(("b", RejectionReason.FileMissing), (Assert.Single(failed.Missing), failed.Failure?.Reason));
        }
    }

    [Fact]
    public async Task A_first_load_that_is_rejected_is_waited_for_no_longer()
    {
        Write(TestPair.Make("a.example"));
        Disk.Hangs = true;
        Start(Options(), Options("b", "/b/tls.crt", "/b/tls.key"));
        var waiting = Holder.SelectAsync("b.example", Timeout.InfiniteTimeSpan).AsTask();

        ReleaseDisk();
        AdvancePastDebounce();

        Assert.Same(Current, await waiting.WaitAsync(MaxWait));
        Write(TestPair.Make("b.example"), "/b/tls.crt", "/b/tls.key");
        Pass(seconds: 1);
        Assert.Equal("b", AtOnce(Holder.SelectAsync("b.example").AsTask()).Name);
    }

    [Fact]
    public async Task A_first_load_that_hangs_is_waited_for_until_it_is_given_up()
    {
        HangInFirstLoad();
        var waiting = Holder.SelectAsync("b.example", Timeout.InfiniteTimeSpan).AsTask();

        AdvancePastLoadTimeLimit();
        Assert.Same(Current, await waiting.WaitAsync(MaxWait));

        // The next incarnation of the supervisor waits for the same load, and gives it up in its turn.
        Supervisor.Tell(Akka.Actor.Kill.Instance);
        Barrier();
        waiting = Holder.SelectAsync("b.example", Timeout.InfiniteTimeSpan).AsTask();
        Assert.False(waiting.IsCompleted);
        AdvancePastLoadTimeLimit();
        Assert.Same(Current, await waiting.WaitAsync(MaxWait));
    }

    [Fact]
    public async Task Nobody_waits_for_an_actor_that_has_stopped()
    {
        HangInFirstLoad();
        var waiting = Holder.SelectAsync("b.example", Timeout.InfiniteTimeSpan).AsTask();
        Assert.False(waiting.IsCompleted);

        Kill(Child("pair-b"));

        Assert.Same(Current, await waiting.WaitAsync(MaxWait));
    }

    [Theory]
    [InlineData]
    [InlineData("b.example")]
    public async Task Who_waits_for_a_pair_goes_on_waiting_when_it_moves_to_other_paths(params string[] serverNames)
    {
        HangInFirstLoad();
        Task<ServingCertificate?>[] waiting =
        [
            Holder.SelectAsync("b.example", Timeout.InfiniteTimeSpan).AsTask()!, Holder.SelectStrictAsync("b.example", Timeout.InfiniteTimeSpan).AsTask(),
            Holder.WaitForAsync("b", Timeout.InfiniteTimeSpan)!,
        ];

        Update([Options(), Options("b", "/new/tls.crt", "/new/tls.key") with { ServerNames = serverNames }]);
        Assert.All(waiting, waiter => Assert.False(waiter.IsCompleted));
        Write(TestPair.Make("b.example"), "/new/tls.crt", "/new/tls.key");
        ReleaseDisk();
        AdvancePastDebounce();

        Assert.All(await Task.WhenAll(waiting).WaitAsync(MaxWait), selected => Assert.Equal("b", selected?.Name));
    }

    [Theory]
    [InlineData]
    [InlineData("b.example")]
    public async Task At_no_moment_of_a_move_does_a_client_get_anything_else_than_the_pair_that_it_waits_for(params string[] serverNames)
    {
        HangInFirstLoad();
        Update([Options(), Options("b", "/b/tls.crt", "/b/tls.key") with { ServerNames = serverNames }]);
        HasOwnThreads = true;
        using var stop = new CancellationTokenSource();
        var reader = Task.Run(async () =>
        {
            var waits = 0L;
            for (; !stop.IsCancellationRequested; waits++)
            {
                using var client = new CancellationTokenSource();
                var waiting = Holder.SelectAsync("b.example", Timeout.InfiniteTimeSpan, client.Token).AsTask();
                if (waiting.IsCompleted)
                    return -1L;
                await client.CancelAsync();
            }

            return waits;
        });

        for (var i = 0; i < 200; i++)
            Update([Options(), Options("b", $"/{i}/tls.crt", $"/{i}/tls.key") with { ServerNames = serverNames }]);

        await stop.CancelAsync();
        Assert.NotEqual(-1, await reader);
    }

    [Fact]
    public async Task Who_waits_for_a_trust_bundle_goes_on_waiting_when_it_moves_to_other_paths()
    {
        var bundle = new TrustBundleOptions { Name = "clients", CertificatePaths = ["/trust/ca.pem"] };
        Write(TestPair.Make("a.example"));
        Files.AfterRead = path => Disk.Hangs |= path == KeyPath;
        Start(new CertificatesOptions { Certificates = [Options()], TrustBundles = [bundle] });
        var server = new CertificateServerOptions { ClientCertificates = ClientCertificates.Require, TrustBundle = "clients" };
        var waiting = Holder.SelectIdentityAsync("a.example", server, Timeout.InfiniteTimeSpan).AsTask();

        Update([Options()], bundle with { CertificatePaths = ["/new/ca.pem"] });
        Assert.False(waiting.IsCompleted);
        Files.Write("/new/ca.pem", new TestAuthority("new").CertificatePem);
        ReleaseDisk();
        AdvancePastDebounce();

        Assert.NotNull((await waiting.WaitAsync(MaxWait))?.TrustBundle);
    }

    [Fact]
    public async Task Nobody_waits_for_a_supervisor_that_has_stopped()
    {
        HangInFirstLoad();
        var waiting = Holder.SelectAsync("b.example", Timeout.InfiniteTimeSpan).AsTask();

        Stop();

        Assert.Equal("default", (await waiting.WaitAsync(MaxWait)).Name);
    }

    private static T AtOnce<T>(Task<T> selecting)
    {
        Assert.True(selecting.IsCompletedSuccessfully);
        return selecting.Result;
    }

    private static CertificateReloadFailed Failure(string name, string message) => new()
    {
        Name = name,
        Reason = RejectionReason.FileMissing,
        Message = message,
        StillServed = null,
        At = DateTimeOffset.UnixEpoch,
    };

    private IReadOnlyList<CertificateCell> Claim(params CertificateOptions[] pairs) => _holder.Claim(CreateTestProbe(), pairs);

    private Task<ServingCertificate> Select(string? name, TimeSpan? timeout = null) => _holder.SelectAsync(name, timeout).AsTask();

    private Task<ServingCertificate?> SelectStrict(string? name, TimeSpan? timeout = null) => _holder.SelectStrictAsync(name, timeout).AsTask();

    private void Update(CertificateOptions[] pairs, params TrustBundleOptions[] bundles)
    {
        Supervisor.Tell(new UpdateCertificates(new CertificatesOptions { Certificates = pairs, TrustBundles = bundles }), TestActor);
        Barrier();
        Assert.Empty(ExpectMsg<UpdateCertificatesResult>().Errors);
    }

    /// <summary>Serves the default, on a disk that hangs once it is read, so that the first load of the pair <c>b</c> hangs.</summary>
    private void HangInFirstLoad()
    {
        Write(TestPair.Make("a.example"));
        Files.AfterRead = path => Disk.Hangs |= path == KeyPath;
        Start(Options(), Options("b", "/b/tls.crt", "/b/tls.key"));
        Assert.False(Status("b").LoadStuck);
    }
}
