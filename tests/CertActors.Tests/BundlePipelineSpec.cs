using System.Net.Security;
using System.Security.Cryptography.X509Certificates;
using CertActors.Tests.Support;

namespace CertActors.Tests;

/// <summary>Trust bundles in the same pipeline as pairs: watched, loaded, judged, served and announced.</summary>
public sealed class BundlePipelineSpec : PipelineKit
{
    private const string BundlePath = "/trust/ca.pem";
    private const string OtherPath = "/other/ca.pem";
    private const string ListPath = "/trust/ca.crl";

    private static readonly TrustBundleOptions Bundle = new() { Name = "clients", CertificatePaths = [BundlePath] };

    private readonly TestAuthority _one = new("one");
    private readonly TestAuthority _other = new("other");

    public BundlePipelineSpec()
    {
        Write(TestPair.Make());
        WriteBundle(_one);
    }

    private TrustBundle Served => Holder.GetTrustBundle("clients") ?? throw new InvalidOperationException("no bundle is served");

    [Fact]
    public void A_bundle_is_loaded_at_the_start_and_verifies_peers()
    {
        Start(Bundle);

        Assert.Equal(1, Served.Generation);
        Assert.Null(RefusalOf(_one));
        Assert.Equal(TrustRefusal.Untrusted, RefusalOf(_other));
        var change = Assert.Single(News<TrustBundleChanged>());
        Assert.Equal(("clients", 1, ReloadReason.Start), (change.Name, change.Generation, change.Reason));
        Assert.Equal(["CN=one"], change.Added.Select(authority => authority.Subject));
        Assert.Null(Holder.GetTrustBundle("nobody"));
    }

    [Fact]
    public void A_changed_bundle_is_swapped_and_the_change_says_what_was_added_and_removed()
    {
        Start(Bundle);
        News();

        WriteBundle(_other);
        Raise(BundlePath);
        AdvancePastDebounce();

        Assert.Equal(TrustRefusal.Untrusted, RefusalOf(_one));
        Assert.Null(RefusalOf(_other));
        var change = Assert.Single(News<TrustBundleChanged>());
        Assert.Equal((2, ReloadReason.FileChange), (change.Generation, change.Reason));
        Assert.Equal(["CN=other"], change.Added.Select(authority => authority.Subject));
        Assert.Equal(["CN=one"], change.Removed.Select(authority => authority.Subject));
        Assert.Contains(Logged(), line => line.Contains("contains none of the certificates that it contained before (CN=one)", StringComparison.Ordinal));
        Assert.Contains(Logged(), line => line.Contains("Trust bundle clients: serving generation 2 with 1 certificates, 1 of them new and 1 removed", StringComparison.Ordinal));
    }

    [Fact]
    public void The_same_bytes_are_no_change()
    {
        Start(Bundle);
        News();

        WriteBundle(_one);
        Raise(BundlePath);
        AdvancePastDebounce();

        Assert.Equal(1, Served.Generation);
        Assert.Empty(News());
    }

    [Fact]
    public void A_lost_event_is_made_up_for_by_a_poll()
    {
        Start(Bundle);

        WriteBundle(_other);
        AdvancePastPoll();
        AdvancePastDebounce();

        Assert.Equal(2, Served.Generation);
    }

    [Theory]
    [InlineData("", RejectionReason.FileEmpty)]
    [InlineData("no certificate", RejectionReason.CertificateMalformed)]
    [InlineData(null, RejectionReason.FileMissing)]
    public void A_bad_bundle_takes_the_good_one_from_nobody_and_is_reported_once(string? content, RejectionReason reason)
    {
        Start(Bundle);
        News();

        if (content is null)
            Files.Delete(BundlePath);
        else
            Files.Write(BundlePath, content);
        Raise(BundlePath);
        AdvancePastDebounce();
        Pass(seconds: 60, stepMilliseconds: 500);

        var failure = Assert.Single(News<TrustBundleReloadFailed>());
        Assert.Equal(("clients", reason, 1), (failure.Name, failure.Reason, failure.StillServed));
        Assert.Contains(BundlePath, failure.Message, StringComparison.Ordinal);
        Assert.Null(RefusalOf(_one));
        Assert.Equal(reason, BundleStatus().LastFailure?.Reason);

        WriteBundle(_one, _other);
        Raise(BundlePath);
        AdvancePastDebounce();
        Assert.Null(BundleStatus().LastFailure);
        Assert.Null(RefusalOf(_other));
    }

    [Fact]
    public void Nothing_is_served_of_a_bundle_that_is_bad_from_the_start()
    {
        Files.Write(BundlePath, "no certificate");
        Start(Bundle);

        Assert.Null(Holder.GetTrustBundle("clients"));
        Assert.Equal(0, Assert.Single(News<TrustBundleReloadFailed>()).StillServed);
    }

    [Fact]
    public void A_revocation_list_in_a_file_of_its_own_is_followed_too()
    {
        var leaf = new TestLeaf { Issuer = _one }.Make();
        WriteList(1);
        Start(Bundle with { RevocationListPaths = [ListPath] });
        Assert.Null(RefusalOf(leaf));

        WriteList(2, TestRevocationList.SerialOf(leaf.CertificatePem));
        Raise(ListPath);
        AdvancePastDebounce();

        Assert.Equal(TrustRefusal.Revoked, RefusalOf(leaf));
        Assert.Equal(1, Assert.Single(Served.RevocationLists).Count);
    }

    [Theory]
    [InlineData(BundlePath)]
    [InlineData(OtherPath)]
    public void A_change_of_one_of_several_files_is_followed(string changed)
    {
        Files.Write(OtherPath, _other.CertificatePem);
        Start(Bundle with { CertificatePaths = [BundlePath, OtherPath] });
        var next = new TestAuthority("next");
        var (replaced, stays) = changed == BundlePath ? (_one, _other) : (_other, _one);
        Assert.Null(RefusalOf(replaced));

        Files.Write(changed, next.CertificatePem);
        Raise(changed);
        AdvancePastDebounce();

        Assert.Equal(2, Served.Generation);
        Assert.Null(RefusalOf(next));
        Assert.Null(RefusalOf(stays));
        Assert.Equal(TrustRefusal.Untrusted, RefusalOf(replaced));
    }

    [Fact]
    public async Task Peers_that_are_refused_are_logged_at_once_and_then_once_a_minute()
    {
        Start(Bundle);
        var server = new CertificateServerOptions { ClientCertificates = ClientCertificates.Require, TrustBundle = "clients" };
        for (var handshake = 0; handshake < 3; handshake++)
            await RefuseAsync();

        Assert.Contains("Trust bundle clients: 1 peers refused; the last (NotPresented): A peer without a certificate", Assert.Single(Refused()), StringComparison.Ordinal);
        Advance(seconds: 59);
        Assert.Single(Refused());
        Advance(seconds: 1);
        Assert.Contains("2 peers refused", Refused()[^1], StringComparison.Ordinal);
        Advance(seconds: 60);
        Assert.Equal(2, Refused().Length);

        await RefuseAsync();
        Assert.Contains("1 peers refused", Refused()[2], StringComparison.Ordinal);

        async Task RefuseAsync()
        {
            var options = (await Holder.SelectIdentityAsync(serverName: null, server))!.CreateOptions();
            Assert.False(options.RemoteCertificateValidationCallback!(this, certificate: null, chain: null, SslPolicyErrors.RemoteCertificateNotAvailable));
            Barrier();
        }

        string[] Refused() => [.. Logged().Where(line => line.Contains("peers refused", StringComparison.Ordinal))];
    }

    [Fact]
    public void A_bundle_that_crashes_its_actor_or_the_supervisor_is_still_served_and_followed()
    {
        Start(Bundle);
        foreach (var child in (string[])["file-watch", "debounce", "bundle-clients"])
        {
            Kill(Child(child));
            AdvancePastFirstRestart();
        }

        Supervisor.Tell(Akka.Actor.Kill.Instance, TestActor);
        Barrier();
        Advance(seconds: 1);
        Assert.Equal(1, Served.Generation);
        Assert.Single(News<TrustBundleChanged>());

        WriteBundle(_one, _other);
        Raise(BundlePath);
        AdvancePastDebounce();
        Assert.Equal(2, Served.Generation);
        Stop();
        Assert.Null(RefusalOf(_other));
    }

    [Fact]
    public void The_next_supervisor_goes_on_with_the_generations()
    {
        Start(Bundle);
        Stop();
        Assert.Equal(1, Served.Generation);

        WriteBundle(_other);
        Start(Bundle);
        Assert.Equal(2, Served.Generation);
    }

    [Fact]
    public void The_end_of_an_authority_and_a_stale_list_are_reported_once_each()
    {
        var now = Sys.Scheduler.Now;
        var old = new TestAuthority("old", notBefore: now.AddYears(-5), notAfter: now.AddDays(8));
        WriteBundle(old, _one);
        Files.Write(ListPath, new TestRevocationList { Issuer = _one, ThisUpdate = now.AddDays(-1), NextUpdate = now.AddHours(2) }.Make());
        Start(Bundle with { RevocationListPaths = [ListPath] });

        Advance(seconds: 60);
        var first = Assert.Single(News<TrustBundleExpiring>());
        Assert.Equal(("CN=old", 8), (first.Authority?.Subject, (int)Math.Ceiling(first.Remaining.TotalDays)));

        Advance(seconds: TimeSpan.FromHours(3).TotalSeconds);
        var stale = Assert.Single(News<TrustBundleExpiring>());
        Assert.Equal("CN=one", stale.RevocationList?.Issuer);
        Assert.True(stale.Remaining < TimeSpan.Zero);

        Advance(seconds: TimeSpan.FromDays(2).TotalSeconds);
        Assert.Equal("CN=old", Assert.Single(News<TrustBundleExpiring>()).Authority?.Subject);
        Advance(seconds: TimeSpan.FromDays(6).TotalSeconds);
        Assert.True(News<TrustBundleExpiring>()[^1].Remaining < TimeSpan.Zero);
        Advance(seconds: TimeSpan.FromDays(6).TotalSeconds);
        Assert.Empty(News());

        var late = CreateTestProbe();
        Supervisor.Tell(new SubscribeToCertificates(late), late);
        Barrier();
        Assert.Equal(2, Enumerable.Range(0, 8).TakeWhile(_ => late.HasMessages).Select(_ => late.ReceiveOne(TimeSpan.Zero)).OfType<TrustBundleExpiring>().Count());
    }

    [Fact]
    public void A_reload_of_all_answers_for_bundles_too()
    {
        Start(Bundle);

        Supervisor.Tell(new ReloadNow(), TestActor);
        Barrier();
        Assert.Equal(["clients", "default"], ExpectMsg<ReloadNowResult>().Outcomes.Select(outcome => outcome.Name).Order());
        Supervisor.Tell(new ReloadNow("clients"), TestActor);
        Barrier();
        Assert.Equal(ReloadOutcomeKind.Unchanged, Assert.Single(ExpectMsg<ReloadNowResult>().Outcomes).Kind);
    }

    [Fact]
    public void A_bundle_is_not_removed_as_a_pair()
    {
        Start(Bundle);

        Supervisor.Tell(new RemoveCertificate("clients"), TestActor);
        Barrier();
        Assert.False(ExpectMsg<RemoveCertificateResult>().WasKnown);
        Assert.Equal(1, Served.Generation);
    }

    [Fact]
    public void A_name_that_a_pair_and_a_bundle_have_is_refused()
    {
        var invalid = Assert.Throws<CertificateOptionsException>(() =>
            new CertificatesOptions { Certificates = [Options("clients")], TrustBundles = [Bundle] }.Validated());
        Assert.Contains("the pair 'clients' of '/certs/tls.crt' and the trust bundle 'clients' of", Assert.Single(invalid.Errors), StringComparison.Ordinal);

        Start(Bundle);
        Supervisor.Tell(new AddCertificate(Options("clients")), TestActor);
        Barrier();
        Assert.Single(ExpectMsg<AddCertificateResult>().Errors);
    }

    [Fact]
    public void A_leaf_that_the_bundle_does_not_trust_waits_for_the_bundle_that_does()
    {
        Write(new TestLeaf { Issuer = _one }.Make());
        Start(Bundle, Options() with { MustChainTo = "clients" });
        Assert.Equal(1, Current.Generation);
        News();

        // The leaf first: it is held, and then reported.
        var next = Rotate(new TestLeaf { Issuer = _other }.Make());
        AdvancePastDebounce();
        Assert.Empty(News());
        AdvancePastHold();
        var failure = Assert.Single(News<CertificateReloadFailed>());
        Assert.Equal(RejectionReason.NotTrusted, failure.Reason);
        Assert.Contains("'clients' does not trust /certs/tls.crt (Untrusted)", failure.Message, StringComparison.Ordinal);
        Assert.Equal(1, Current.Generation);

        WriteBundle(_one, _other);
        Raise(BundlePath);
        AdvancePastDebounce();
        Assert.Equal((2, next.Sha256), (Current.Generation, Current.Facts.Sha256));
        Assert.Equal(ReloadReason.TrustChange, Assert.Single(News<CertificateChanged>()).Reason);
        Assert.Null(Status().LastFailure);
    }

    [Fact]
    public void A_leaf_whose_bundle_follows_within_the_hold_is_reported_by_nobody()
    {
        Write(new TestLeaf { Issuer = _one }.Make());
        Start(Bundle, Options() with { MustChainTo = "clients" });
        News();

        Rotate(new TestLeaf { Issuer = _other }.Make());
        AdvancePastDebounce();
        WriteBundle(_one, _other);
        Raise(BundlePath);
        AdvancePastDebounce();

        Assert.Equal(2, Current.Generation);
        AdvancePastHold();
        Assert.Empty(News<CertificateReloadFailed>());
    }

    [Fact]
    public void The_served_leaf_stays_when_its_bundle_stops_trusting_it()
    {
        Write(new TestLeaf { Issuer = _one }.Make());
        Start(Bundle, Options() with { MustChainTo = "clients" });
        WriteBundle(_other);
        Raise(BundlePath);
        AdvancePastDebounce();
        Pass(seconds: 30, stepMilliseconds: 500);

        Assert.Equal((1, 2), (Current.Generation, Served.Generation));
        Assert.Empty(News<CertificateReloadFailed>());
    }

    [Fact]
    public void A_pair_whose_bundle_is_not_loaded_is_served_once_it_is()
    {
        Files.Write(BundlePath, "");
        Write(new TestLeaf { Issuer = _one }.Make());
        Start(Bundle, Options() with { MustChainTo = "clients" });
        Assert.Null(Holder.Current);

        WriteBundle(_one);
        Raise(BundlePath);
        AdvancePastDebounce();
        Assert.Equal(1, Current.Generation);
    }

    [Fact]
    public void A_pair_that_must_chain_to_no_known_bundle_is_refused()
    {
        var invalid = Assert.Throws<CertificateOptionsException>(() =>
            new CertificatesOptions { Certificates = [Options() with { MustChainTo = "nobody" }], TrustBundles = [Bundle] }.Validated());
        Assert.Contains("MustChainTo is 'nobody', which is none of the trust bundles", Assert.Single(invalid.Errors), StringComparison.Ordinal);
    }

    private void Start(TrustBundleOptions bundle, CertificateOptions? pair = null) =>
        Start(new CertificatesOptions { Certificates = [pair ?? Options()], TrustBundles = [bundle] });

    private void WriteBundle(params TestAuthority[] authorities) => Files.Write(BundlePath, string.Concat(authorities.Select(authority => authority.CertificatePem)));

    private void WriteList(int number, params byte[][] serials) =>
        Files.Write(ListPath, new TestRevocationList { Issuer = _one, Number = number, ThisUpdate = TestTime.Start.AddDays(number), Serials = serials }.Make());

    private TrustBundleStatus BundleStatus() => Assert.Single(StatusOfAll().TrustBundles);

    private TrustRefusal? RefusalOf(TestAuthority issuer) => RefusalOf(new TestLeaf { Issuer = issuer }.Make());

    private TrustRefusal? RefusalOf(TestPair peer)
    {
        using var leaf = X509Certificate2.CreateFromPem(peer.CertificatePem);
        return Served.Verify(leaf, presented: null, CertificatePurpose.ClientAuthentication, Sys.Scheduler.Now).Refusal;
    }
}
