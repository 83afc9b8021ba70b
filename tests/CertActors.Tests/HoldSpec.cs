using CertActors.Tests.Support;
using CertActors.Watching.Sources;

namespace CertActors.Tests;

/// <summary>A rotation that looks half finished is held for 5 s at most, and nothing is reported meanwhile.</summary>
public sealed class HoldSpec : PipelineKit
{
    private static readonly TestAuthority Issuer = new("issuer", new TestAuthority("root"));

    public static TheoryData<string> HalfFinished => ["the certificate first", "the key first", "the certificate removed", "the chain cut short"];

    [Theory]
    [MemberData(nameof(HalfFinished))]
    public void A_rotation_that_is_finished_within_5_s_is_reported_as_a_change_only(string how)
    {
        Write(Chained());
        Start();
        News();
        var next = Chained();
        RotateHalf(how, next);
        Pass(seconds: 4.5);
        Assert.Equal(1, Current.Generation);

        Write(next);
        Raise(CertPath);
        Raise(KeyPath);
        AdvancePastDebounce();

        Assert.Equal((2, next.Sha256), (Current.Generation, Current.Facts.Sha256));
        Assert.Single(News());
        Assert.DoesNotContain(Logged(), entry => entry.Contains("rejected", StringComparison.Ordinal));
    }

    [Theory]
    [InlineData("the certificate first", RejectionReason.KeyMismatch)]
    [InlineData("the key first", RejectionReason.KeyMismatch)]
    [InlineData("the certificate removed", RejectionReason.FileMissing)]
    public void A_rotation_that_is_not_finished_is_judged_as_it_is_after_5_s_and_reported_once(string how, RejectionReason reason)
    {
        Write(Chained());
        Start();
        News();
        RotateHalf(how, Chained());
        Advance(milliseconds: 4999);
        Assert.Empty(News());
        Assert.Null(Status().LastFailure);

        Advance(milliseconds: 1);
        Assert.Equal(reason, Assert.Single(News<CertificateReloadFailed>()).Reason);
        Pass(seconds: 60, stepMilliseconds: 500);
        Assert.Empty(News());
        Assert.Equal(1, Current.Generation);
    }

    [Fact]
    public void A_chain_that_stays_short_is_served_with_a_warning_after_5_s()
    {
        Write(Chained());
        Start();
        var next = Chained();
        RotateHalf("the chain cut short", next);
        Advance(milliseconds: 4999);
        Assert.Equal(1, Current.Generation);

        Advance(milliseconds: 1);
        Assert.Equal((2, next.Sha256), (Current.Generation, Current.Facts.Sha256));
        Assert.Single(Logged(), entry => entry.Contains("append the intermediates", StringComparison.Ordinal));
    }

    [Fact]
    public void A_leaf_that_a_new_root_has_issued_is_no_chain_cut_short()
    {
        Write(Chained());
        Start();

        var next = Rotate(new TestLeaf { Issuer = new TestAuthority("new root") }.Make());
        AdvancePastDebounce();

        Assert.Equal((2, next.Sha256), (Current.Generation, Current.Facts.Sha256));
        Assert.DoesNotContain(Logged(), entry => entry.Contains("append the intermediates", StringComparison.Ordinal));
    }

    [Fact]
    public void A_chain_of_a_new_intermediate_that_is_cut_short_is_held()
    {
        Write(Chained());
        Start();
        var issuer = new TestAuthority("new issuer", new TestAuthority("root"));
        var leaf = new TestLeaf { Issuer = issuer, IssuerAddress = "http://example.org/issuer.crt" }.Make();
        Rotate(leaf);
        Pass(seconds: 4.5);
        Assert.Equal(1, Current.Generation);

        Rotate(leaf with { CertificatePem = leaf.CertificatePem + issuer.CertificatePem });
        AdvancePastDebounce();
        Assert.Equal((2, leaf.Sha256), (Current.Generation, Current.Facts.Sha256));
        Assert.DoesNotContain(Logged(), entry => entry.Contains("append the intermediates", StringComparison.Ordinal));
    }

    [Theory]
    [InlineData("")]
    [InlineData("-----BEGIN PRIVATE KEY-----\nMIG")]
    public void A_half_written_other_half_does_not_end_the_hold(string half)
    {
        Write(Chained());
        Start();
        News();
        var next = Chained();
        RotateHalf("the certificate first", next);
        Files.Write(KeyPath, half);
        Raise(KeyPath);
        Pass(seconds: 2);
        Assert.Empty(News());

        Files.Write(KeyPath, next.KeyPem);
        Raise(KeyPath);
        AdvancePastDebounce();
        Assert.Equal(next.Sha256, Assert.Single(News<CertificateChanged>()).Current.Sha256);
        Assert.Empty(News());
    }

    [Fact]
    public void Touches_do_not_extend_the_hold()
    {
        Write(Chained());
        Start();
        News();
        RotateHalf("the key first", Chained());
        for (var i = 0; i < 16; i++)
        {
            Assert.Empty(News<CertificateReloadFailed>());
            Files.Write(KeyPath, Chained().KeyPem);
            Raise(KeyPath);
            Advance(milliseconds: 300);
        }

        Advance(milliseconds: 200);
        Assert.Single(News<CertificateReloadFailed>());
    }

    [Fact]
    public void A_requested_reload_is_not_held()
    {
        Write(Chained());
        Start();
        News();
        RotateHalf("the key first", Chained());

        var asker = CreateTestProbe();
        Supervisor.Tell(new ReloadNow(), asker);
        Barrier();
        Assert.Equal(RejectionReason.KeyMismatch, Assert.Single(asker.ExpectMsg<ReloadNowResult>().Outcomes).Failure?.Reason);
        Assert.Single(News<CertificateReloadFailed>());

        Pass(seconds: 10);
        Assert.Empty(News<CertificateReloadFailed>());
    }

    [Fact]
    public void A_removed_file_beside_an_unchanged_one_is_not_held()
    {
        Write(Chained());
        Start();
        News();
        Files.Delete(KeyPath);
        Raise(KeyPath);
        AdvancePastDebounce();
        Assert.Equal(RejectionReason.FileMissing, Assert.Single(News<CertificateReloadFailed>()).Reason);
    }

    [Fact]
    public void A_first_pair_that_is_written_in_two_steps_is_served_when_it_is_complete()
    {
        Start();
        Assert.Equal(RejectionReason.FileMissing, Assert.Single(News<CertificateReloadFailed>()).Reason);

        var pair = Chained();
        Files.Write(KeyPath, pair.KeyPem);
        Raise("/certs", FileEventKind.Created);
        Pass(seconds: 3);
        Assert.Empty(News<CertificateReloadFailed>());
        Files.Write(CertPath, pair.CertificatePem);
        Raise(CertPath);
        AdvancePastDebounce();
        Assert.Equal(pair.Sha256, Current.Facts.Sha256);
    }

    [Fact]
    public void A_start_between_the_two_renames_of_a_rotation_waits_for_the_second()
    {
        var (old, next) = (Chained(), Chained());
        Files.Write(CertPath, next.CertificatePem);
        Files.Write(KeyPath, old.KeyPem);
        Start(new CertificatesOptions { Certificates = [Options()], StopOnFailedFirstLoad = true });
        Pass(seconds: 3);
        Assert.Empty(News<CertificateReloadFailed>());

        Files.Write(KeyPath, next.KeyPem);
        Raise(KeyPath);
        AdvancePastDebounce();
        Assert.Equal(next.Sha256, Current.Facts.Sha256);
        Assert.Empty(News<CertificateReloadFailed>());
    }

    [Fact]
    public async Task A_wait_for_a_first_pair_that_is_held_ends_with_the_reason()
    {
        Files.Write(CertPath, Chained().CertificatePem);
        Files.Write(KeyPath, Chained().KeyPem);
        Start();
        var thrown = await Assert.ThrowsAsync<CertificateNotLoadedException>(() => Holder.WaitForFirstAsync(TimeSpan.Zero));
        Assert.Equal(RejectionReason.KeyMismatch, thrown.Failure?.Reason);
    }

    [Theory]
    [InlineData("a leaf of a new root")]
    [InlineData("a root in the place of its cross-certificate")]
    public void What_ends_at_a_root_that_the_file_holds_is_not_held(string what)
    {
        var root = new TestAuthority("new root");
        var cross = new TestAuthority("new root", new TestAuthority("old root"), sameKeyAs: root);
        Write(what == "a leaf of a new root" ? Chained() : Append(new TestLeaf { Issuer = root }.Make(), cross));
        Start();
        Assert.Single(Current.Pair.Intermediates);

        var next = Append(new TestLeaf { Issuer = root, IssuerAddress = "http://example.org/root.crt" }.Make(), root);
        Rotate(next);
        AdvancePastDebounce();
        Assert.Equal((2, next.Sha256), (Current.Generation, Current.Facts.Sha256));
        Assert.DoesNotContain(Logged(), entry => entry.Contains("append the intermediates", StringComparison.Ordinal));

        static TestPair Append(TestPair leaf, TestAuthority authority) => leaf with { CertificatePem = leaf.CertificatePem + authority.CertificatePem };
    }

    [Fact]
    public void A_first_pair_that_stays_mismatched_is_rejected_after_5_s()
    {
        Files.Write(CertPath, Chained().CertificatePem);
        Files.Write(KeyPath, Chained().KeyPem);
        Start();
        Advance(milliseconds: 4849);
        Assert.Empty(News<CertificateReloadFailed>());

        Advance(milliseconds: 1);
        Assert.Equal(RejectionReason.KeyMismatch, Assert.Single(News<CertificateReloadFailed>()).Reason);
    }

    [Fact]
    public void A_password_that_is_written_after_its_key_is_waited_for_and_alone_is_no_change()
    {
        const string path = "/certs/password";
        var (pair, next) = (TestPair.Make(), TestPair.Make());
        WritePkcs12(pair, path, "old");
        Start(Options() with { PasswordPath = path, KeyPath = CertPath });
        News();

        Files.Write(CertPath, next.ToPkcs12("new"));
        Raise(CertPath);
        Pass(seconds: 3);
        Assert.Empty(News());

        Files.Write(path, "new\n");
        Raise(path);
        AdvancePastDebounce();
        Assert.Equal((2, next.Sha256), (Current.Generation, Current.Facts.Sha256));

        Files.Write(path, "new");
        Raise(path);
        AdvancePastDebounce();
        Assert.Equal(2, Current.Generation);
    }

    private void WritePkcs12(TestPair pair, string passwordPath, string password)
    {
        Files.Write(CertPath, pair.ToPkcs12(password));
        Files.Write(passwordPath, password);
    }

    private void RotateHalf(string how, TestPair next)
    {
        switch (how)
        {
            case "the certificate first":
                Files.Write(CertPath, next.CertificatePem);
                break;
            case "the key first":
                Files.Write(KeyPath, next.KeyPem);
                break;
            case "the certificate removed":
                Files.Write(KeyPath, next.KeyPem);
                Files.Delete(CertPath);
                break;
            case "the chain cut short":
                Files.Write(KeyPath, next.KeyPem);
                Files.Write(CertPath, next.CertificatePem[..(next.CertificatePem.IndexOf("-----END", StringComparison.Ordinal) + 26)]);
                break;
            default:
                throw new ArgumentOutOfRangeException(nameof(how));
        }

        Raise(CertPath);
        Raise(KeyPath);
        AdvancePastDebounce();
    }

    private static TestPair Chained()
    {
        var leaf = new TestLeaf { Issuer = Issuer }.Make();
        return leaf with { CertificatePem = leaf.CertificatePem + Issuer.CertificatePem };
    }
}
