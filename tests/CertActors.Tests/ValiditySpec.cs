using Akka.Actor;
using CertActors.Reloading;
using CertActors.Supervision;
using CertActors.Tests.Support;

namespace CertActors.Tests;

/// <summary>What the clock alone brings about, and what is said of files that others can read.</summary>
public sealed class ValiditySpec : PipelineKit
{
    private DateTimeOffset Today => Sys.Scheduler.Now;

    [Fact]
    public void A_pair_that_is_not_valid_yet_is_taken_by_itself_once_it_is()
    {
        Write(Leaf(daysAgo: 1, daysLeft: 60));
        Start();
        News();
        var early = Rotate(Leaf(daysAgo: -2, daysLeft: 90));
        AdvancePastDebounce();
        Assert.Equal(RejectionReason.NotYetValid, Assert.Single(News<CertificateReloadFailed>()).Reason);

        Advance(seconds: TimeSpan.FromDays(2).TotalSeconds - 60);
        Pass(seconds: 30, stepMilliseconds: 1000);
        Assert.Equal(1, Current.Generation);
        Pass(seconds: 60, stepMilliseconds: 1000);
        Assert.Equal((2, early.Sha256), (Current.Generation, Current.Facts.Sha256));
        Assert.Empty(News<CertificateReloadFailed>());
    }

    [Fact]
    public void An_expired_pair_takes_nothing_away_and_a_valid_one_after_it_is_served()
    {
        var good = Write(Leaf(daysAgo: 1, daysLeft: 60));
        Start();
        Rotate(Leaf(daysAgo: 30, daysLeft: -1));
        AdvancePastDebounce();
        Assert.Equal((RejectionReason.Expired, good.Sha256), (Status().LastFailure?.Reason, Current.Facts.Sha256));

        Rotate(Leaf(daysAgo: 1, daysLeft: 60));
        AdvancePastDebounce();
        Assert.Equal(2, Current.Generation);
    }

    [Fact]
    public void The_end_of_a_certificate_is_told_once_for_each_threshold_and_generation()
    {
        Write(Leaf(daysAgo: 30, daysLeft: 60));
        Start();
        News();
        Assert.Equal([30, 7, 1, 0], DaysToldUntil(days: 62));

        Write(Leaf(daysAgo: 0, daysLeft: 90));
        Raise(CertPath);
        AdvancePastDebounce();
        Assert.Equal([30, 7, 1, 0], DaysToldUntil(days: 92));
        Assert.Equal(2, Logged().Count(entry => entry.Contains("is still served", StringComparison.Ordinal)));
    }

    [Fact]
    public void For_a_short_life_a_third_of_it_takes_the_place_of_longer_thresholds()
    {
        Write(Leaf(daysAgo: 0, daysLeft: 12));
        Start();
        News();
        Assert.Equal([4, 1, 0], DaysToldUntil(days: 13));
    }

    [Fact]
    public void The_end_of_an_intermediate_is_reported_before_that_of_the_leaf_and_again_at_the_end_of_the_leaf()
    {
        WriteWithIntermediate(daysLeft: 60, daysLeftOfIntermediate: 3);
        Start();
        News();

        // A third of the intermediate's own lifetime.
        Assert.Equal([1, 0], DaysToldUntil(days: 4, out var told));
        Assert.All(told, expiring => Assert.Equal("CN=intermediate", expiring.Intermediate?.Subject));
        Assert.Contains(Logged(), entry => entry.Contains("the intermediate CN=intermediate expired at", StringComparison.Ordinal));
        var late = CreateTestProbe();
        Supervisor.Tell(new SubscribeToCertificates(late));
        Barrier();
        Assert.Equal(told[^1], late.FishForMessage<CertificateExpiring>(_ => true));

        Assert.Equal([20, 7, 1, 0], DaysToldUntil(days: 58, out told));
        Assert.All(told, expiring => Assert.Null(expiring.Intermediate));
    }

    [Fact]
    public void A_leaf_of_short_life_is_not_reported_from_its_start_because_its_intermediate_ends_a_little_earlier()
    {
        WriteWithIntermediate(daysLeft: 3, daysLeftOfIntermediate: 2);
        Start();
        News();
        Pass(seconds: 120, stepMilliseconds: 1000);
        Assert.Empty(News<CertificateExpiring>());
        Assert.Equal([1, 0, 1, 0], DaysToldUntil(days: 4));
    }

    [Fact]
    public void Thresholds_can_be_chosen()
    {
        Write(Leaf(daysAgo: 0, daysLeft: 90));
        Start(Options() with { ExpiryThresholds = [TimeSpan.FromDays(2)] });
        News();
        Assert.Equal([2, 0], DaysToldUntil(days: 91));
    }

    [Fact]
    public void A_jump_of_the_clock_is_told_by_the_narrowest_threshold_and_a_late_subscriber_gets_it()
    {
        Write(Leaf(daysAgo: 30, daysLeft: 60));
        Start();
        News();
        Advance(seconds: TimeSpan.FromDays(55).TotalSeconds);
        var told = Assert.Single(News<CertificateExpiring>());
        Assert.Equal((1, Current.Facts.NotAfter), (told.Generation, told.NotAfter));
        Assert.InRange(told.Remaining, TimeSpan.FromDays(4), TimeSpan.FromDays(5));

        var late = CreateTestProbe();
        Supervisor.Tell(new SubscribeToCertificates(late));
        Barrier();
        Assert.Equal(told, late.FishForMessage<CertificateExpiring>(_ => true));
    }

    [Fact]
    public void The_end_of_a_certificate_is_checked_once_a_minute_however_rarely_the_files_are_polled()
    {
        Write(Leaf(daysAgo: 30, daysLeft: 60));
        Start(Options() with { PollIntervalWithEvents = TimeSpan.FromDays(1) });
        AdvanceTo(Current.Facts.NotAfter - TimeSpan.FromDays(30) - TimeSpan.FromMinutes(1));
        News();

        Advance(seconds: 59);
        Assert.Empty(News<CertificateExpiring>());
        Advance(seconds: 61);
        Assert.InRange(Assert.Single(News<CertificateExpiring>()).Remaining, TimeSpan.FromDays(30) - TimeSpan.FromMinutes(1), TimeSpan.FromDays(30));
    }

    [Fact]
    public void A_restart_of_the_supervisor_repeats_no_report_of_an_expiry()
    {
        Write(Leaf(daysAgo: 30, daysLeft: 60));
        Start();
        Advance(seconds: TimeSpan.FromDays(31).TotalSeconds);
        Assert.Single(News<CertificateExpiring>());

        Supervisor.Tell(Akka.Actor.Kill.Instance);
        Barrier();
        Pass(seconds: 180, stepMilliseconds: 30_000);
        Assert.Empty(News<CertificateExpiring>());

        Advance(seconds: TimeSpan.FromDays(23).TotalSeconds);
        Assert.Equal(6, Math.Ceiling(Assert.Single(News<CertificateExpiring>()).Remaining.TotalDays));
    }

    [Fact]
    public void A_check_that_finds_no_expiry_allocates_nothing()
    {
        Write(Leaf(daysAgo: 30, daysLeft: 60));
        Start();
        var pair = new PairState(Options(), Options().ToWatchedFiles()) { LastChange = Status().LastChange };
        var now = Sys.Scheduler.Now;
        Check();

        var before = GC.GetAllocatedBytesForCurrentThread();
        Check();
        Assert.Equal(0, GC.GetAllocatedBytesForCurrentThread() - before);

        void Check()
        {
            for (var i = 0; i < 1000; i++)
                Assert.True(ExpiryReport.Due(pair, now) is null);
        }
    }

    [Theory]
    [InlineData(0b110_100_100, 1000, "0644")]
    [InlineData(0b110_100_100, 0, "0644")]
    [InlineData(0b100_000_100, 0, "0404")]
    [InlineData(0b110_100_000, 1000, "0640")]
    public void A_key_that_others_can_read_is_served_with_one_warning_for_its_life(uint mode, uint owner, string shown)
    {
        (Files.Mode, Files.Owner) = (mode, owner);
        Write(TestPair.Make());
        Start();
        Rotate(TestPair.Make());
        AdvancePastDebounce();
        Kill(Child("pair-default"));
        Pass(seconds: 1);
        Rotate(TestPair.Make());
        AdvancePastDebounce();

        Assert.Equal(3, Current.Generation);
        var warning = Assert.Single(Logged(), entry => entry.Contains("is readable by other users", StringComparison.Ordinal));
        Assert.Contains($"{KeyPath} is readable by other users (mode {shown})", warning, StringComparison.Ordinal);
        Assert.Contains("defaultMode: 0400", warning, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(0b100_000_000, 1000)]
    [InlineData(0b110_100_000, 0)]
    public void A_key_that_only_its_owner_or_the_group_of_roots_file_can_read_is_as_it_should_be(uint mode, uint owner)
    {
        (Files.Mode, Files.Owner) = (mode, owner);
        Write(TestPair.Make());
        Start();
        Assert.DoesNotContain(Logged(), entry => entry.Contains("is readable", StringComparison.Ordinal));
    }

    private void AdvanceTo(DateTimeOffset time) => Advance(seconds: (time - Today).TotalSeconds);

    private TestPair Leaf(int daysAgo, int daysLeft) => new TestLeaf { NotBefore = Today.AddDays(-daysAgo), NotAfter = Today.AddDays(daysLeft) }.Make();

    private void WriteWithIntermediate(int daysLeft, int daysLeftOfIntermediate)
    {
        var root = new TestAuthority("root", notBefore: Today.AddYears(-1), notAfter: Today.AddYears(20));
        var intermediate = new TestAuthority("intermediate", root, notBefore: Today, notAfter: Today.AddDays(daysLeftOfIntermediate));
        var leaf = new TestLeaf { Issuer = intermediate, NotBefore = Today, NotAfter = Today.AddDays(daysLeft) }.Make();
        Write(leaf with { CertificatePem = leaf.CertificatePem + intermediate.CertificatePem });
    }

    /// <summary>How many days remained when the end was told, rounded.</summary>
    private List<int> DaysToldUntil(int days) => DaysToldUntil(days, out _);

    private List<int> DaysToldUntil(int days, out IReadOnlyList<CertificateExpiring> told)
    {
        for (var hours = 0; hours < days * 24; hours += 6)
            Advance(seconds: TimeSpan.FromHours(6).TotalSeconds);
        told = News<CertificateExpiring>();
        return [.. told.Select(expiring => (int)Math.Ceiling(expiring.Remaining.TotalDays))];
    }

    [Fact]
    public void Of_an_intermediate_and_its_renewal_in_one_file_the_one_that_lasts_is_sent()
    {
        var now = Sys.Scheduler.Now;
        var root = new TestAuthority("root", notBefore: now.AddYears(-1), notAfter: now.AddYears(20));
        var old = new TestAuthority("issuer", root, notBefore: now.AddYears(-1), notAfter: now.AddDays(10));
        var renewed = new TestAuthority("issuer", root, notBefore: now.AddDays(-1), notAfter: now.AddYears(10), sameKeyAs: old);
        var leaf = new TestLeaf { Issuer = old, NotBefore = now.AddDays(-1), NotAfter = now.AddYears(1) }.Make();
        Write(leaf with { CertificatePem = leaf.CertificatePem + old.CertificatePem + renewed.CertificatePem });
        Start();
        Assert.True(Current.Pair.Intermediates[0].NotAfter > now.AddYears(9));
    }

    [Fact]
    public void A_reload_once_an_intermediate_has_expired_takes_another_of_the_file()
    {
        var now = Sys.Scheduler.Now;
        var root = new TestAuthority("root", notBefore: now.AddYears(-1), notAfter: now.AddYears(20));
        var old = new TestAuthority("issuer", root, notBefore: now.AddYears(-1), notAfter: now.AddDays(10));
        var early = new TestAuthority("issuer", root, notBefore: now.AddDays(5), notAfter: now.AddYears(10), sameKeyAs: old);
        var leaf = new TestLeaf { Issuer = old, NotBefore = now.AddDays(-1), NotAfter = now.AddYears(1) }.Make();
        Write(leaf with { CertificatePem = leaf.CertificatePem + old.CertificatePem + early.CertificatePem });
        Start();
        Assert.True(Current.Pair.Intermediates[0].NotAfter < now.AddDays(11));

        Advance(seconds: TimeSpan.FromDays(11).TotalSeconds);
        Supervisor.Tell(new ReloadNow());
        Barrier();
        Assert.True(Current.Pair.Intermediates[0].NotAfter > now.AddYears(9));
    }
}
