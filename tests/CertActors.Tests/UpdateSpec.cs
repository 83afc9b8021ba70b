using System.Security.Cryptography.X509Certificates;
using Akka.Actor;
using CertActors.Tests.Support;
using CertActors.Watching.Sources;

namespace CertActors.Tests;

/// <summary>Options that change while the supervisor runs.</summary>
public sealed class UpdateSpec : PipelineKit
{
    private const string NewCert = "/new/tls.crt";
    private const string NewKey = "/new/tls.key";
    private const string BundlePath = "/trust/ca.pem";
    private const string ClientAuthentication = "1.3.6.1.5.5.7.3.2";

    private static readonly CertificateOptions Other = Options("other", "/other/tls.crt", "/other/tls.key");
    private static readonly TrustBundleOptions Bundle = new() { Name = "clients", CertificatePaths = [BundlePath] };

    private readonly TestAuthority _authority = new("one");
    private readonly TestPair _first;

    public UpdateSpec()
    {
        _first = Write(TestPair.Make("default.example"));
        Write(TestPair.Make("other.example"), Other.CertificatePath, Other.KeyPath);
        Files.Write(BundlePath, _authority.CertificatePem);
    }

    [Fact]
    public void Pairs_and_bundles_are_added_and_removed_and_the_others_are_not_touched()
    {
        Start(Options());
        var (untouched, loads) = (Current, Status().Loads);
        News();

        var result = Update([Options(), Other], Bundle);
        Assert.Equal(["clients", "other"], result.Added);
        Assert.Equal(0, result.Removed.Count + result.Changed.Count);
        Assert.Equal("other", Holder.Select("other.example")?.Name);
        Assert.Equal(1, Holder.GetTrustBundle("clients")?.Generation);

        result = Update([Options()]);
        Assert.Equal(["clients", "other"], result.Removed);
        Assert.Equal("default", Holder.Select("other.example")?.Name);
        Assert.Null(Holder.GetTrustBundle("clients"));
        var removed = Assert.Single(News<TrustBundleRemoved>());
        Assert.Equal(("clients", 1), (removed.Name, removed.Generation));
        Assert.Null(Find("bundle-clients"));
        Assert.Same(untouched, Current);
        Assert.Equal(loads, Status().Loads);
    }

    [Fact]
    public void The_same_options_change_nothing()
    {
        Start(new CertificatesOptions { Certificates = [Options(), Other], TrustBundles = [Bundle] });
        var loads = StatusOfAll();
        News();

        var result = Update([Options(), Other], Bundle);

        Assert.Equal(0, result.Added.Count + result.Removed.Count + result.Changed.Count + result.Errors.Count);
        Assert.Equal(loads, StatusOfAll());
        Assert.Empty(News());
    }

    [Fact]
    public void A_pair_that_moves_to_other_paths_serves_its_last_certificate_until_the_new_files_are_accepted()
    {
        Start();
        var served = Current;

        Assert.Equal(["default"], Update([Options("default", NewCert, NewKey)]).Changed);
        Pass(seconds: 7);
        Assert.Same(served, Current);
        Assert.Same(served, Holder.Select("default.example"));
        Assert.Equal(RejectionReason.FileMissing, Status().LastFailure?.Reason);

        var next = Write(TestPair.Make("default.example"), NewCert, NewKey);
        Raise("/new", FileEventKind.Created);
        AdvancePastDebounce();
        Assert.Equal((2, next.Sha256), (Current.Generation, Current.Facts.Sha256));
        Assert.Null(Status().LastFailure);
        Assert.True(served.Superseded.IsCancellationRequested);
    }

    [Fact]
    public void The_old_paths_of_a_pair_are_no_longer_watched_or_polled()
    {
        Start();
        Write(_first, NewCert, NewKey);
        Update([Options("default", NewCert, NewKey)]);
        AdvancePastDebounce();
        Assert.Equal(["/", "/new"], Events.Directories.Order());
        Assert.Equal(1, Current.Generation);

        Write(TestPair.Make("default.example"));
        Pass(seconds: 25, stepMilliseconds: 500);
        Assert.Equal(1, Current.Generation);
    }

    [Fact]
    public void Files_at_new_paths_are_found_good_by_no_poll_before_they_are_judged()
    {
        Start();
        var checkedAt = Status().LastCheck;
        var next = Write(TestPair.Make("default.example"), NewCert, NewKey);
        Files.Write(NewKey, _first.KeyPem);

        var moved = Options("default", NewCert, NewKey) with { PollIntervalWithEvents = TimeSpan.FromSeconds(1) };
        Update([moved]);
        Pass(seconds: 4);
        Assert.Equal((checkedAt, null), (Status().LastCheck, Status().LastFailure));

        Files.Write(NewKey, next.KeyPem);
        Raise(NewKey);
        AdvancePastDebounce();
        Assert.Equal(Sys.Scheduler.Now, Status().LastCheck);
        Pass(seconds: 70, stepMilliseconds: 500);
        Assert.InRange((Sys.Scheduler.Now - Status().LastCheck!.Value).TotalSeconds, 0, 65);
    }

    [Fact]
    public void A_load_of_the_old_paths_that_hangs_does_not_hold_up_the_new_ones_and_publishes_nothing()
    {
        Write(TestPair.Make());
        StartWithHangingLoad();
        Disk.Hangs = false;
        var next = Write(TestPair.Make("default.example"), NewCert, NewKey);

        Update([Options("default", NewCert, NewKey)]);
        AdvancePastDebounce();
        Assert.Equal((2, next.Sha256), (Current.Generation, Current.Facts.Sha256));

        ReleaseDisk();
        Pass(seconds: 2);
        Assert.Equal((2, next.Sha256), (Current.Generation, Current.Facts.Sha256));
        Assert.False(Status().LoadStuck);
    }

    [Fact]
    public void A_load_that_is_stuck_is_still_known_to_be_with_other_options_for_the_same_paths_and_no_other_is_started()
    {
        StartWithHangingLoad();
        AdvancePastLoadTimeLimit();

        Update([Options() with { ExpiryThresholds = [TimeSpan.FromDays(1)] }]);
        AdvancePastDebounce();
        Assert.True(Status().LoadStuck);
        Assert.Equal(2, Disk.Waiting); // The load, and the inspection of the paths.

        ReleaseDisk();
        Assert.Equal((2, false), (Current.Generation, Status().LoadStuck));
    }

    [Fact]
    public void A_load_that_is_stuck_is_still_known_to_be_when_its_pair_is_back_before_its_removal_has_ended()
    {
        StartWithHangingLoad();
        AdvancePastLoadTimeLimit();

        Supervisor.Tell(new UpdateCertificates(new CertificatesOptions { Certificates = [Other] }), TestActor);
        Supervisor.Tell(new UpdateCertificates(new CertificatesOptions { Certificates = [Options()] }), TestActor);
        Barrier();
        AdvancePastDebounce();
        Assert.True(Status().LoadStuck);

        ReleaseDisk();
        Assert.Equal((2, false), (Current.Generation, Status().LoadStuck));
    }

    [Fact]
    public void A_request_to_reload_that_waits_for_the_old_paths_is_answered_by_the_new_ones()
    {
        Start();
        Disk.Hangs = true;
        Supervisor.Tell(new ReloadNow("default"), TestActor);
        Barrier();
        Disk.Hangs = false;
        Write(TestPair.Make("default.example"), NewCert, NewKey);

        Supervisor.Tell(new UpdateCertificates(new CertificatesOptions { Certificates = [Options("default", NewCert, NewKey)] }), TestActor);
        Barrier();

        Assert.Single(ExpectMsg<UpdateCertificatesResult>().Changed);
        var outcome = Assert.Single(ExpectMsg<ReloadNowResult>().Outcomes);
        Assert.Equal((ReloadOutcomeKind.Unchanged, 2), (outcome.Kind, outcome.Generation));
    }

    [Fact]
    public void Whether_a_stale_revocation_list_refuses_peers_changes_with_the_options_although_the_files_do_not()
    {
        const string listPath = "/trust/ca.crl";
        Files.Write(listPath, new TestRevocationList { Issuer = _authority, NextUpdate = TestTime.Start.AddMinutes(-1) }.Make());
        var bundle = Bundle with { RevocationListPaths = [listPath], AllowStaleRevocationLists = true };
        Start(new CertificatesOptions { Certificates = [Options()], TrustBundles = [bundle] });
        using var peer = X509Certificate2.CreateFromPem(new TestLeaf { Issuer = _authority }.Make().CertificatePem);
        Assert.Null(Verify().Refusal);

        Update([Options()], bundle with { AllowStaleRevocationLists = false });
        AdvancePastDebounce();
        Assert.Equal(TrustRefusal.StaleRevocationList, Verify().Refusal);

        Update([Options()], bundle);
        AdvancePastDebounce();
        Assert.Null(Verify().Refusal);

        TrustResult Verify() => Holder.GetTrustBundle("clients")!.Verify(peer, presented: null, CertificatePurpose.ClientAuthentication, Sys.Scheduler.Now);
    }

    [Fact]
    public void Server_names_and_the_default_move_with_the_options()
    {
        Start(Options() with { ServerNames = ["a.example", "b.example"] }, Other with { ServerNames = ["c.example"] });

        Update([Options() with { ServerNames = ["a.example"] }, Other with { ServerNames = ["b.example", "c.example"], IsDefault = true }]);

        Assert.Equal(["default", "other", "other"], ((string[])["a.example", "b.example", "c.example"]).Select(name => Holder.SelectStrict(name)?.Name));
        Assert.Equal(("other", 1), (Current.Name, Current.Generation));
        Update([Options() with { ServerNames = ["a.example"] }, Other with { Purpose = CertificatePurpose.ClientAuthentication }]);
        Assert.Equal("default", Current.Name);
        Assert.Null(Holder.SelectStrict("c.example"));
        Assert.Equal("other", Holder.Get("other")?.Name);
    }

    [Fact]
    public void A_pair_that_comes_first_in_the_options_becomes_the_default_and_answers_to_its_names_once_it_is_loaded()
    {
        Start(Options() with { ServerNames = ["a.example"] }, Other);
        var last = Current;
        var first = Options("first", NewCert, NewKey) with { ServerNames = ["a.example"] };

        Update([first, Options() with { ServerNames = ["a.example"] }, Other]);
        AdvancePastDebounce();
        Assert.Same(last, Current);
        Assert.Same(last, Holder.Select("a.example"));
        Assert.Equal(["first", "default", "other"], StatusOfAll().Certificates.Select(pair => pair.Name));

        Write(TestPair.Make(), NewCert, NewKey);
        Raise("/new", FileEventKind.Created);
        AdvancePastDebounce();
        Assert.Equal(("first", "first"), (Current.Name, Holder.Select("a.example")?.Name));
        Assert.False(last.Superseded.IsCancellationRequested);

        RestartSupervisor();
        Assert.Equal(("first", "first"), (Current.Name, Holder.Select("a.example")?.Name));
    }

    [Fact]
    public void A_default_that_is_removed_is_served_until_the_new_pair_that_comes_first_is_loaded()
    {
        Start(Options(), Other);
        var last = Current;

        Update([Options("first", NewCert, NewKey), Other]);
        AdvancePastDebounce();
        Assert.Same(last, Current);
        Assert.Equal("other", Holder.Select("other.example")?.Name);

        Write(TestPair.Make(), NewCert, NewKey);
        Raise("/new", FileEventKind.Created);
        AdvancePastDebounce();
        Assert.Equal("first", Current.Name);
        Assert.True(last.Superseded.IsCancellationRequested);
    }

    [Fact]
    public void A_pair_whose_name_is_being_removed_takes_its_place_in_the_options_later()
    {
        Start(Options(), Other);

        Tell([Other]);
        Tell([Options(), Other]);
        Barrier();
        AdvancePastDebounce();

        Assert.Equal("default", Current.Name);
        Assert.Equal(["default", "other"], StatusOfAll().Certificates.Select(pair => pair.Name));
    }

    [Fact]
    public void Another_order_of_the_options_alone_moves_the_default_and_the_names_that_several_pairs_have()
    {
        var (one, two) = (Options() with { ServerNames = ["a.example", "b.example"] }, Other with { ServerNames = ["b.example"] });
        Start(one, two);
        Ask<AddCertificateResult>(new AddCertificate(Options("added", NewCert, NewKey) with { ServerNames = ["b.example"] }));

        Update([two, one]);

        Assert.Equal(("other", "other", "default"), (Current.Name, Holder.Select("b.example")?.Name, Holder.Select("a.example")?.Name));
        Assert.Equal(["other", "default", "added"], StatusOfAll().Certificates.Select(pair => pair.Name));
        Assert.Contains(Logged(), entry => entry.Contains("b.example", StringComparison.Ordinal) && entry.Contains("leads to certificate other instead", StringComparison.Ordinal));
    }

    [Fact]
    public void What_is_served_after_any_change_is_what_is_served_after_a_restart_with_the_same_options()
    {
        string[] names = ["a", "b", "c", "d", "e"], serverNames = ["1.example", "2.example", "*.example"];
        foreach (var name in names)
            Write(TestPair.Make($"{name}.test"), $"/{name}/tls.crt", $"/{name}/tls.key");
        var random = new Random(20261128);
        Start(Any());

        for (var i = 0; i < 100; i++)
        {
            var options = Any();
            Update(options);
            AdvancePastDebounce();

            var restarted = new CertificateHolder();
            var other = Sys.ActorOf(CertificateSupervisor.Props(State(new CertificatesOptions { Certificates = options }, restarted)));
            Barrier();
            Assert.Equal(Answers(restarted), Answers(Holder));
            Sys.Stop(other);
            Barrier();
        }

        CertificateOptions[] Any()
        {
            random.Shuffle(names);
            var pairs = names.Take(random.Next(1, names.Length + 1)).Select(name => Options(name, $"/{name}/tls.crt", $"/{name}/tls.key")).ToArray();
            foreach (var pair in pairs)
            {
                if (random.Next(4) == 0)
                    pair.Purpose = CertificatePurpose.ClientAuthentication;
                else
                    pair.ServerNames = [.. serverNames.Where(_ => random.Next(2) == 0)];
            }

            var marked = pairs[random.Next(pairs.Length)];
            marked.IsDefault = marked.Purpose == CertificatePurpose.ServerAuthentication && random.Next(2) == 0;
            return pairs;
        }

        string[] Answers(CertificateHolder holder) =>
            [.. ((string?[])[null, "3.example", .. serverNames, .. names.Select(name => $"{name}.test")]).Select(name => $"{name}: {holder.Select(name)?.Name}")];
    }

    [Fact]
    public async Task At_no_moment_is_a_third_pair_the_default_while_it_moves_from_one_to_another()
    {
        Write(TestPair.Make(), NewCert, NewKey);
        var third = Options("third", NewCert, NewKey);
        Start(third, Options() with { IsDefault = true }, Other);
        HasOwnThreads = true;
        using var stop = new CancellationTokenSource();
        var reader = Task.Run(() =>
        {
            while (!stop.IsCancellationRequested)
            {
                if (Holder.Current?.Name is not ("default" or "other"))
                    return false;
            }

            return true;
        });

        for (var i = 0; i < 200; i++)
            Update([third, Options() with { IsDefault = i % 2 != 0 }, Other with { IsDefault = i % 2 == 0 }]);

        await stop.CancelAsync();
        Assert.True(await reader);
    }

    [Fact]
    public async Task At_no_moment_does_a_name_that_a_pair_keeps_lead_elsewhere()
    {
        Start(Options() with { ServerNames = ["a.example"] });
        HasOwnThreads = true;
        using var stop = new CancellationTokenSource();
        var reader = Task.Run(() =>
        {
            var looks = 0L;
            for (; !stop.IsCancellationRequested; looks++)
            {
                if (Holder.SelectStrict("a.example") is null || Holder.Current is null || Holder.Get("default") is null)
                    return -1L;
            }

            return looks;
        });

        for (var i = 0; i < 200; i++)
            Update([Options() with { ServerNames = ["a.example", $"{i}.example"], IsDefault = i % 2 == 0 }]);

        await stop.CancelAsync();
        Assert.NotEqual(-1, await reader);
    }

    [Fact]
    public void A_leaf_that_is_not_for_servers_gets_no_server_name_by_another_purpose()
    {
        var client = Options("client", Other.CertificatePath, Other.KeyPath) with { Purpose = CertificatePurpose.ClientAuthentication };
        Write(new TestLeaf { Names = ["other.example"], Purposes = [ClientAuthentication] }.Make(), Other.CertificatePath, Other.KeyPath);
        Start(Options(), client);
        News();

        Update([Options(), client with { Purpose = CertificatePurpose.ServerAuthentication, ServerNames = ["more.example"], IsDefault = true }]);

        Assert.All(["other.example", "more.example", null], name => Assert.Equal("default", Holder.Select(name)?.Name));
        Assert.Equal(1, Holder.Get("client")?.Generation);
        var failure = Assert.Single(News<CertificateReloadFailed>());
        Assert.Equal((RejectionReason.PurposeExcluded, Holder.Get("client")?.Facts), (failure.Reason, failure.StillServed));
        Assert.Equal(failure, Status("client").LastFailure);

        RestartSupervisor();
        Assert.All(["other.example", "more.example", null], name => Assert.Equal("default", Holder.Select(name)?.Name));
        Write(TestPair.Make("other.example"), Other.CertificatePath, Other.KeyPath);
        Raise(Other.CertificatePath);
        AdvancePastDebounce();
        Assert.All(["more.example", null], name => Assert.Equal(("client", 2), (Holder.Select(name)?.Name, Holder.Select(name)?.Generation)));
    }

    [Fact]
    public void Another_purpose_that_the_leaf_allows_takes_the_names_of_the_leaf_without_a_swap()
    {
        var other = Other with { Purpose = CertificatePurpose.ClientAuthentication };
        Start(Options(), other);
        News();

        Update([Options(), Other with { IsDefault = true }]);

        Assert.All(["other.example", null], name => Assert.Equal(("other", 1), (Holder.Select(name)?.Name, Holder.Select(name)?.Generation)));
        Assert.DoesNotContain(News(), announced => announced is CertificateChanged or CertificateReloadFailed);
    }

    [Fact]
    public void What_is_served_is_judged_by_changed_options_at_once_and_keeps_its_names_alone_if_they_reject_it()
    {
        Start(new CertificatesOptions { Certificates = [Options() with { ServerNames = ["a.example", "b.example"] }, Other], TrustBundles = [Bundle] });
        var served = Current;
        News();

        var strict = Options() with { MustChainTo = "clients", ServerNames = ["b.example", "c.example"] };
        Update([strict, Other], Bundle);
        AdvancePastHold();

        Assert.Equal(RejectionReason.NotTrusted, Assert.Single(News<CertificateReloadFailed>()).Reason);
        Assert.Equal(RejectionReason.NotTrusted, Status().LastFailure?.Reason);
        Assert.Same(served, Current);
        Assert.Equal([null, served, null], ((string[])["a.example", "b.example", "c.example"]).Select(Holder.SelectStrict));

        // Options that judge as the last ones don't make up for it.
        Update([strict with { ServerNames = ["b.example", "c.example", "d.example"] }, Other], Bundle);
        Assert.Equal([served, null, null], ((string[])["b.example", "c.example", "d.example"]).Select(Holder.SelectStrict));

        Files.Write(BundlePath, _authority.CertificatePem + _first.CertificatePem);
        Update([strict, Other], Bundle with { AllowNonAuthorities = true });
        AdvancePastDebounce();
        Assert.Null(Status().LastFailure);
        Assert.Equal([served, served], ((string[])["b.example", "c.example"]).Select(Holder.SelectStrict));
        Assert.Empty(News<CertificateChanged>());
    }

    [Fact]
    public async Task A_client_that_asks_for_a_new_name_waits_until_what_is_served_is_judged_and_nobody_waits_for_names_that_stay()
    {
        Start(Options() with { ServerNames = ["a.example"] }, Other);
        Disk.Hangs = true;
        Update([Options() with { ServerNames = ["a.example", "b.example"], MustChainTo = "clients" }, Other], Bundle);
        var waiting = Holder.SelectAsync("b.example").AsTask();
        Assert.False(waiting.IsCompleted);
        Assert.All(["a.example", "other.example", "x.example"], name => Assert.True(Holder.SelectAsync(name).AsTask().IsCompletedSuccessfully));

        Files.Write(BundlePath, _first.CertificatePem);
        Disk.Hangs = false;
        ReleaseDisk();
        Update([Options() with { ServerNames = ["a.example", "b.example"], RequireValidFirst = true }, Other]);

        Assert.Equal("default", (await waiting.WaitAsync(Generous)).Name);
        Assert.Equal("default", Holder.SelectStrict("b.example")?.Name);
    }

    [Fact]
    public void A_bundle_that_moves_to_other_paths_trusts_the_same_until_the_new_files_are_accepted()
    {
        Start(new CertificatesOptions { Certificates = [Options()], TrustBundles = [Bundle] });
        var served = Holder.GetTrustBundle("clients");
        var moved = Bundle with { CertificatePaths = ["/new/ca.pem"] };

        Assert.Equal(["clients"], Update([Options()], moved).Changed);
        Pass(seconds: 7);
        Assert.Same(served, Holder.GetTrustBundle("clients"));

        Files.Write("/new/ca.pem", new TestAuthority("two").CertificatePem + _authority.CertificatePem);
        Raise("/new", FileEventKind.Created);
        AdvancePastDebounce();
        Assert.Equal(2, Holder.GetTrustBundle("clients")?.Generation);
    }

    [Fact]
    public void Invalid_options_change_nothing_and_every_error_is_in_the_answer()
    {
        Start(Options(), Other);
        News();

        var result = Update([Options() with { CertificatePath = "" }, Other with { MustChainTo = "nobody" }]);

        Assert.Equal(2, result.Errors.Count);
        Assert.Equal(["default", "other"], StatusOfAll().Certificates.Select(pair => pair.Name));
        Assert.Empty(News());
    }

    [Fact]
    public void What_messages_have_added_stays_and_its_name_and_files_are_taken()
    {
        Start();
        Ask<AddCertificateResult>(new AddCertificate(Other));
        Ask<AddTrustBundleResult>(new AddTrustBundle(Bundle));

        Update([Options()]);
        Assert.Equal(["default", "other"], StatusOfAll().Certificates.Select(pair => pair.Name));
        Assert.Single(StatusOfAll().TrustBundles);
        Assert.Contains("have the same name", Assert.Single(Update([Options(), Options("other", NewCert, NewKey)]).Errors), StringComparison.Ordinal);
        Assert.Contains("'third' and 'other' have the same files", Assert.Single(Update([Options(), Other with { Name = "third" }]).Errors), StringComparison.Ordinal);
    }

    [Fact]
    public void A_bundle_that_a_pair_names_is_not_removed()
    {
        Write(new TestLeaf { Issuer = _authority }.Make());
        Start(new CertificatesOptions { Certificates = [Options() with { MustChainTo = "clients" }], TrustBundles = [Bundle] });

        var refused = Ask<RemoveTrustBundleResult>(new RemoveTrustBundle("clients"));
        Assert.Contains("pair 'default': MustChainTo is 'clients'", Assert.Single(refused.Errors), StringComparison.Ordinal);
        Assert.NotNull(Holder.GetTrustBundle("clients"));
        Assert.False(Ask<RemoveTrustBundleResult>(new RemoveTrustBundle("nobody")).WasKnown);
        Assert.False(Ask<RemoveTrustBundleResult>(new RemoveTrustBundle("default")).WasKnown);

        Update([Options()], Bundle);
        Assert.Empty(Ask<RemoveTrustBundleResult>(new RemoveTrustBundle("clients")).Errors);
        Assert.Null(Holder.GetTrustBundle("clients"));
    }

    [Fact]
    public void A_pair_that_is_renamed_is_served_under_its_new_name()
    {
        Start();

        Update([Options("renamed")]);
        AdvancePastDebounce();

        Assert.Equal(("renamed", 1), (Current.Name, Current.Generation));
        Assert.Null(Holder.Get("default"));
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void A_default_that_is_renamed_answers_until_the_pair_is_loaded_under_its_new_name(bool isRunning)
    {
        Start(Options(), Other);
        var last = Current;
        var connection = last.BeginConnection();
        if (!isRunning)
            Kill(Child("pair-default"));
        Disk.Hangs = true;
        News();

        Update([Options("renamed") with { IsDefault = true }, Other]);
        Assert.Same(last, Current);
        Assert.Same(last, Holder.Select("default.example"));
        Assert.Null(Holder.Get("default"));
        Assert.False(last.Superseded.IsCancellationRequested);
        Assert.Single(News<CertificateRemoved>());
        RestartSupervisor();
        Assert.Same(last, Current);
        var removed = Assert.Single(StatusOfAll().Removed);
        Assert.Equal(("default", last.Announcement), (removed.Name, removed.Served));
        Assert.Equal(new GenerationConnections { Generation = 1, Open = 1, SupersededAt = null }, Assert.Single(removed.Connections));

        ReleaseDisk();
        AdvancePastDebounce();
        Assert.Equal("renamed", Current.Name);
        Assert.True(last.Superseded.IsCancellationRequested);
        Assert.Null(Assert.Single(StatusOfAll().Removed).Served);
        connection.Dispose();
        Barrier();
        Assert.Empty(StatusOfAll().Removed);
        var drained = Assert.Single(News<GenerationDrained>());
        Assert.Equal(("default", 1, Current.Announcement.At), (drained.Name, drained.Generation, drained.SupersededAt));
    }

    [Fact]
    public void A_default_that_was_removed_and_has_no_connection_drains_when_the_next_one_is_loaded()
    {
        Start(Options(), Other);
        Holder.CountConnections();
        Update([Other, Options("next", NewCert, NewKey) with { IsDefault = true }]);
        Pass(seconds: 7);
        Assert.Equal("default", Current.Name);
        Assert.Empty(News<GenerationDrained>());

        Write(_first, NewCert, NewKey);
        Raise("/new", FileEventKind.Created);
        AdvancePastDebounce();

        Assert.Equal("next", Current.Name);
        Assert.Equal("default", Assert.Single(News<GenerationDrained>()).Name);
    }

    [Theory]
    [InlineData(false, false)]
    [InlineData(true, false)]
    [InlineData(false, true)]
    [InlineData(true, true)]
    public void What_is_back_in_the_options_before_its_removal_has_ended_was_never_away(bool hasOther, bool restarts)
    {
        CertificateOptions[] pairs = hasOther ? [Options(), Other] : [Options()];
        Start(new CertificatesOptions { Certificates = [.. pairs], TrustBundles = [Bundle] });
        var (served, trust) = (Current, Holder.GetTrustBundle("clients"));
        Files.Write(KeyPath, "garbage");
        Files.Write(BundlePath, "garbage");
        News();

        Supervisor.Tell(new UpdateCertificates(new CertificatesOptions { Certificates = [Options("next", NewCert, NewKey)] }), TestActor);
        Supervisor.Tell(new UpdateCertificates(new CertificatesOptions { Certificates = [.. pairs], TrustBundles = [Bundle] }), TestActor);
        if (restarts)
            Supervisor.Tell(Akka.Actor.Kill.Instance);
        Barrier();
        Assert.Equal((served, served, served), (Current, Holder.Get("default"), Holder.SelectStrict("default.example")));
        Assert.Same(trust, Holder.GetTrustBundle("clients"));
        AdvancePastDebounce();
        AdvancePastHold();

        Assert.Equal((served, served, served), (Current, Holder.Get("default"), Holder.SelectStrict("default.example")));
        Assert.Same(trust, Holder.GetTrustBundle("clients"));
        Assert.False(served.Superseded.IsCancellationRequested);
        Assert.DoesNotContain(News(), message => message is CertificateRemoved { Name: not "next" } or TrustBundleRemoved or CertificateChanged or TrustBundleChanged);
        Assert.Equal(RejectionReason.KeyMalformed, Status().LastFailure?.Reason);

        var next = Rotate(TestPair.Make());
        Files.Write(BundlePath, new TestAuthority("two").CertificatePem);
        Raise(BundlePath);
        AdvancePastDebounce();
        Assert.Equal((2, next.Sha256), (Current.Generation, Current.Facts.Sha256));
        Assert.Equal(2, Holder.GetTrustBundle("clients")?.Generation);
    }

    [Fact]
    public void A_drain_that_ends_while_its_pair_is_being_removed_is_reported_when_that_is_back()
    {
        Holder.CountConnections();
        Start(Options(), Other);
        var connection = Current.BeginConnection();
        Rotate(TestPair.Make("default.example"));
        AdvancePastDebounce();
        News();

        Supervisor.Tell(new UpdateCertificates(new CertificatesOptions { Certificates = [Other] }), TestActor);
        connection.Dispose();
        Supervisor.Tell(new UpdateCertificates(new CertificatesOptions { Certificates = [Options(), Other] }), TestActor);
        Barrier();

        Assert.Equal(1, Assert.Single(News<GenerationDrained>()).Generation);
    }

    [Fact]
    public void A_subscriber_that_comes_while_a_pair_is_being_removed_knows_it_when_it_is_back()
    {
        Start(Options(), Other);
        var subscriber = CreateTestProbe();

        Supervisor.Tell(new UpdateCertificates(new CertificatesOptions { Certificates = [Other] }), TestActor);
        Supervisor.Tell(new SubscribeToCertificates(subscriber));
        Supervisor.Tell(new UpdateCertificates(new CertificatesOptions { Certificates = [Options(), Other] }), TestActor);
        Barrier();

        List<string> known = [];
        while (subscriber.HasMessages)
        {
            if (subscriber.ExpectMsg<CertificateEvent>() is CertificateChanged { Name: var name })
                known.Add(name);
        }

        Assert.Equal(["default", "other"], known.Order(StringComparer.Ordinal));
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void A_default_is_served_until_the_next_one_that_waits_for_a_bundle_of_its_name_to_be_removed_is_loaded(bool hasOther)
    {
        var clients = Bundle with { Name = "next" };
        CertificateOptions[] others = hasOther ? [Other] : [];
        Start(new CertificatesOptions { Certificates = [Options(), .. others], TrustBundles = [clients] });
        var served = Current;

        Supervisor.Tell(new UpdateCertificates(new CertificatesOptions { Certificates = [Options("next", NewCert, NewKey), .. others] }), TestActor);
        Barrier();
        AdvancePastDebounce();
        Assert.Same(served, Current);
        Assert.Equal("default", Assert.Single(StatusOfAll().Removed).Name);

        var next = Write(TestPair.Make("next.example"), NewCert, NewKey);
        Raise(NewCert, FileEventKind.Created);
        AdvancePastDebounce();
        Assert.Equal(next.Sha256, Current.Facts.Sha256);
        Assert.Empty(StatusOfAll().Removed);
    }

    [Fact]
    public void Who_removes_what_an_update_has_replaced_is_answered_although_another_update_has_the_first_again()
    {
        Start(Options(), Other);

        Supervisor.Tell(new UpdateCertificates(new CertificatesOptions { Certificates = [Options()], TrustBundles = [Bundle with { Name = "other" }] }), TestActor);
        var asker = CreateTestProbe();
        Supervisor.Tell(new RemoveTrustBundle("other"), asker);
        Supervisor.Tell(new UpdateCertificates(new CertificatesOptions { Certificates = [Options(), Other] }), TestActor);
        Barrier();

        Assert.True(asker.ExpectMsg<RemoveTrustBundleResult>().WasKnown);
        Assert.NotNull(Holder.Get("other"));
        Assert.Null(Holder.GetTrustBundle("other"));
    }

    [Fact]
    public void What_a_message_adds_under_a_name_that_an_update_is_removing_begins_with_generation_1()
    {
        Start(Options(), Other);
        Rotate(TestPair.Make("default.example"));
        AdvancePastDebounce();
        var next = Write(TestPair.Make("default.example"), NewCert, NewKey);

        Supervisor.Tell(new UpdateCertificates(new CertificatesOptions { Certificates = [Other] }), TestActor);
        Supervisor.Tell(new AddCertificate(Options("default", NewCert, NewKey)), TestActor);
        Barrier();
        AdvancePastDebounce();

        Assert.Equal((1, next.Sha256), (Holder.Get("default")?.Generation, Holder.Get("default")?.Facts.Sha256));
        Assert.Single(News<CertificateRemoved>());
    }

    [Fact]
    public void A_default_that_is_removed_while_the_next_one_becomes_a_clients_pair_goes_to_the_one_behind()
    {
        Write(TestPair.Make("third.example"), NewCert, NewKey);
        CertificateOptions[] pairs = [Options(), Other, Options("third", NewCert, NewKey)];
        Start(pairs);

        Supervisor.Tell(
            new UpdateCertificates(new CertificatesOptions { Certificates = [pairs[0], Other with { Purpose = CertificatePurpose.ClientAuthentication }, pairs[2]] }), TestActor);
        Supervisor.Tell(new RemoveCertificate("default"), TestActor);
        Barrier();
        AdvancePastDebounce();

        Assert.Equal("third", Current.Name);
    }

    [Fact]
    public void A_message_that_removes_a_pair_whose_name_becomes_a_bundles_leaves_the_bundle()
    {
        Start(Options(), Other);

        Supervisor.Tell(new UpdateCertificates(new CertificatesOptions { Certificates = [Options()], TrustBundles = [Bundle with { Name = "other" }] }), TestActor);
        Supervisor.Tell(new RemoveCertificate("other"), TestActor);
        Barrier();
        AdvancePastDebounce();

        Assert.Equal("other", Holder.GetTrustBundle("other")?.Name);
        Assert.Null(Holder.Get("other"));
    }

    [Fact]
    public void A_default_that_a_message_removes_while_an_update_is_removing_it_is_served_to_nobody()
    {
        Start();
        Supervisor.Tell(new UpdateCertificates(new CertificatesOptions { Certificates = [Options("next", NewCert, NewKey)] }), TestActor);
        Supervisor.Tell(new RemoveCertificate("default"), TestActor);
        Barrier();

        ExpectMsg<UpdateCertificatesResult>();
        Assert.True(ExpectMsg<RemoveCertificateResult>().WasKnown);
        Assert.Null(Holder.Current);
    }

    [Fact]
    public void A_default_that_an_update_has_removed_can_be_removed_by_a_message_while_it_is_still_served()
    {
        Start();
        var last = Current;
        var connection = last.BeginConnection();
        Update([Options("next", NewCert, NewKey)]);
        Assert.Same(last, Current);
        Assert.Equal(last.Announcement, Assert.Single(StatusOfAll().Removed).Served);
        News();

        Assert.False(Remove("nobody").WasKnown);
        Assert.True(Remove("default").WasKnown);
        Assert.Null(Holder.Current);
        Assert.True(last.Superseded.IsCancellationRequested);
        Assert.False(Remove("default").WasKnown);

        connection.Dispose();
        Barrier();
        Assert.Equal(("default", 1), Assert.Single(News<GenerationDrained>()) is var drained ? (drained.Name, drained.Generation) : default);
    }

    [Fact]
    public void A_default_that_is_for_clients_alone_now_drains_once_neither_its_pair_nor_the_default_serves_it()
    {
        Start();
        var last = Current;
        var connection = last.BeginConnection();
        Update([Options() with { Purpose = CertificatePurpose.ClientAuthentication }, Options("next", NewCert, NewKey)]);
        AdvancePastDebounce();
        Write(TestPair.Make("default.example"));
        Raise(CertPath);
        AdvancePastDebounce();

        Assert.Equal(2, Holder.Get("default")?.Generation);
        Assert.Same(last, Current);
        Assert.False(last.Superseded.IsCancellationRequested);
        Assert.Equal([(1, null), (2, null)], Status().Connections.Select(open => (open.Generation, open.SupersededAt)));
        RestartSupervisor();
        Assert.Same(last, Current);
        Assert.False(last.Superseded.IsCancellationRequested);

        News();
        Write(_first, NewCert, NewKey);
        Raise("/new", FileEventKind.Created);
        AdvancePastDebounce();
        Assert.Equal("next", Current.Name);
        Assert.True(last.Superseded.IsCancellationRequested);
        connection.Dispose();
        Barrier();
        var drained = Assert.Single(News<GenerationDrained>());
        Assert.Equal(("default", 1, Current.Announcement.At), (drained.Name, drained.Generation, drained.SupersededAt));
    }

    [Fact]
    public async Task A_pair_that_is_accepted_for_servers_ends_the_wait_for_the_first_default()
    {
        Start(Options() with { Purpose = CertificatePurpose.ClientAuthentication });
        Disk.Hangs = true;
        Update([Options()]);
        var waiting = Holder.WaitForFirstAsync(Timeout.InfiniteTimeSpan);
        Assert.False(waiting.IsCompleted);

        ReleaseDisk();
        Barrier();
        Assert.Same(Current, await waiting.WaitAsync(Generous));
    }

    [Fact]
    public async Task A_name_that_the_options_gave_and_only_the_leaf_has_now_is_of_nobody_while_the_leaf_is_rejected()
    {
        Start(new CertificatesOptions { Certificates = [Options() with { ServerNames = ["a.example"] }, Other], TrustBundles = [Bundle] });
        var strict = Options() with { MustChainTo = "clients" };
        Update([strict with { ServerNames = ["default.example"] }, Other], Bundle);
        AdvancePastHold();

        Update([strict, Other], Bundle);
        AdvancePastHold();

        Assert.Equal(RejectionReason.NotTrusted, Status().LastFailure?.Reason);
        Assert.Null(await Holder.SelectStrictAsync("default.example", TimeSpan.Zero));
    }

    [Fact]
    public void A_pair_that_gets_another_name_and_keeps_its_server_names_is_in_conflict_with_nobody()
    {
        Start(Options() with { ServerNames = ["a.example"] }, Other);

        Update([Options("renamed") with { ServerNames = ["a.example"] }, Other]);
        AdvancePastDebounce();

        Assert.Equal("renamed", Holder.SelectStrict("a.example")?.Name);
        Assert.DoesNotContain(Logged(), entry => entry.Contains("a.example", StringComparison.Ordinal));
    }

    [Fact]
    public void A_pair_that_was_removed_and_comes_back_at_once_is_served()
    {
        Start(Options(), Other);

        Tell([Options()]);
        Tell([Options(), Other]);
        Tell([Options(), Other]);
        Barrier();
        AdvancePastDebounce();

        Assert.Equal("other", Holder.Select("other.example")?.Name);
        Assert.Equal(["default", "other"], StatusOfAll().Certificates.Select(pair => pair.Name));
    }

    [Fact]
    public void What_waits_for_the_end_of_a_removal_is_reported_as_what_is_there()
    {
        Start(Options(), Other);

        Tell([Options()]);
        Tell([Options(), Other]);
        Tell([Options(), Other]);
        Tell([Options(), Other with { RequireValidFirst = true }]);
        Tell([Options()]);
        Barrier();

        string[] names = ["other"];
        UpdateCertificatesResult[] expected = [new() { Removed = names }, new() { Added = names }, new(), new() { Changed = names }, new() { Removed = names }];
        Assert.All(expected, result => Assert.Equal(result, ExpectMsg<UpdateCertificatesResult>()));
        Assert.Equal("default", Assert.Single(StatusOfAll().Certificates).Name);
    }

    [Fact]
    public void A_pair_may_name_a_bundle_that_waits_for_the_end_of_a_removal_and_keeps_it()
    {
        Start(new CertificatesOptions { Certificates = [Options()], TrustBundles = [Bundle] });

        Tell([Options()]);
        Tell([Options(), Other with { MustChainTo = "clients" }], Bundle);
        Supervisor.Tell(new RemoveTrustBundle("clients"), TestActor);
        Barrier();

        Assert.Equal(["clients"], ExpectMsg<UpdateCertificatesResult>().Removed);
        Assert.Equal(["clients", "other"], ExpectMsg<UpdateCertificatesResult>().Added);
        Assert.Single(ExpectMsg<RemoveTrustBundleResult>().Errors);
        Assert.Equal(["default", "other"], StatusOfAll().Certificates.Select(pair => pair.Name));
        Assert.NotNull(Holder.GetTrustBundle("clients"));
    }

    [Fact]
    public void What_a_message_has_added_and_waits_for_the_end_of_a_removal_stays_and_its_name_is_taken()
    {
        Start();
        Ask<AddCertificateResult>(new AddCertificate(Other));

        Supervisor.Tell(new RemoveCertificate("other"), TestActor);
        Supervisor.Tell(new AddCertificate(Other), TestActor);
        Tell([Options(), Options("other", NewCert, NewKey)]);
        Tell([Options()]);
        Barrier();

        Assert.Contains("have the same name", Assert.Single(ExpectMsg<UpdateCertificatesResult>().Errors), StringComparison.Ordinal);
        Assert.Equal(new UpdateCertificatesResult(), ExpectMsg<UpdateCertificatesResult>());
        Assert.True(ExpectMsg<RemoveCertificateResult>().WasKnown);
        Assert.Empty(ExpectMsg<AddCertificateResult>().Errors);
        Assert.Equal(["default", "other"], StatusOfAll().Certificates.Select(pair => pair.Name));
    }

    [Fact]
    public void A_pair_that_is_added_later_stops_no_supervisor()
    {
        Start(new CertificatesOptions { Certificates = [Options()], StopOnFailedFirstLoad = true });

        Supervisor.Tell(new UpdateCertificates(new CertificatesOptions { Certificates = [Options(), Options("missing", NewCert, NewKey)], StopOnFailedFirstLoad = true }), TestActor);
        Barrier();
        ExpectMsg<UpdateCertificatesResult>();
        Pass(seconds: 7);

        Assert.Equal(2, StatusOfAll().Certificates.Count);
    }

    [Fact]
    public void A_restart_of_the_supervisor_and_of_each_child_keeps_what_was_changed()
    {
        Start(new CertificatesOptions { Certificates = [Options()], TrustBundles = [Bundle] });
        var next = Write(TestPair.Make("default.example"), NewCert, NewKey);
        Update([Options("default", NewCert, NewKey), Other], Bundle);
        AdvancePastDebounce();

        foreach (var child in (string[])["file-watch", "debounce", "pair-default", "pair-other", "bundle-clients"])
        {
            Kill(Child(child));
            AdvancePastFirstRestart();
        }

        RestartSupervisor();

        Assert.Equal((2, next.Sha256), (Current.Generation, Current.Facts.Sha256));
        Write(TestPair.Make("default.example"), NewCert, NewKey);
        Raise(NewCert);
        AdvancePastDebounce();
        Assert.Equal(3, Current.Generation);
    }

    private void RestartSupervisor()
    {
        Supervisor.Tell(Akka.Actor.Kill.Instance);
        Barrier();
        Advance(seconds: 1);
    }

    private RemoveCertificateResult Remove(string name) => Ask<RemoveCertificateResult>(new RemoveCertificate(name));

    private UpdateCertificatesResult Update(CertificateOptions[] pairs, params TrustBundleOptions[] bundles)
    {
        Tell(pairs, bundles);
        Barrier();
        return ExpectMsg<UpdateCertificatesResult>();
    }

    private void Tell(CertificateOptions[] pairs, params TrustBundleOptions[] bundles) =>
        Supervisor.Tell(new UpdateCertificates(new CertificatesOptions { Certificates = pairs, TrustBundles = bundles }), TestActor);

    private T Ask<T>(object message)
    {
        Supervisor.Tell(message, TestActor);
        Barrier();
        return ExpectMsg<T>();
    }
}
