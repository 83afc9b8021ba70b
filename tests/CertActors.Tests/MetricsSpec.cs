using Akka.Actor;
using CertActors.Tests.Support;
using CertActors.Watching.Sources;

namespace CertActors.Tests;

/// <summary>What the metrics show, and when.</summary>
public sealed class MetricsSpec : PipelineKit
{
    private const string BundlePath = "/trust/ca.pem";
    private const string OtherCertPath = "/other/tls.crt";
    private const string OtherKeyPath = "/other/tls.key";

    private static readonly TrustBundleOptions Bundle = new() { Name = "clients", CertificatePaths = [BundlePath] };

    private readonly MetricReader _metrics;

    public MetricsSpec()
    {
        _metrics = new MetricReader(Meter);
        Write(TestPair.Make());
    }

    [Fact]
    public void A_swap_moves_the_values_of_its_pair_together()
    {
        Start();
        var first = Of("default");
        Rotate(new TestLeaf { NotAfter = TestTime.Start.AddYears(1) }.Make());
        Assert.Equal(first, Of("default"));

        AdvancePastDebounce();

        Assert.Equal((1, 1), (first.Generation, first.Changed));
        Assert.Equal((2, 2, TestTime.Start.AddYears(1).ToUnixTimeSeconds()), Of("default"));
    }

    [Fact]
    public void The_end_of_each_intermediate_is_measured_by_its_position()
    {
        var root = new TestAuthority("root");
        var upper = new TestAuthority("upper", root, notAfter: TestTime.Start.AddYears(3));
        var lower = new TestAuthority("lower", upper, notAfter: TestTime.Start.AddYears(2));
        var leaf = new TestLeaf { Issuer = lower, NotAfter = TestTime.Start.AddYears(1) }.Make();
        Write(leaf with { CertificatePem = leaf.CertificatePem + lower.CertificatePem + upper.CertificatePem });
        Start();

        Assert.Equal(TestTime.Start.AddYears(2).ToUnixTimeSeconds(), EndOf("1"));
        Assert.Equal(TestTime.Start.AddYears(3).ToUnixTimeSeconds(), EndOf("2"));

        double EndOf(string position) => _metrics.Value("certactors.intermediate.not_after", ("certactors.name", "default"), ("certactors.intermediate.position", position));
    }

    [Fact]
    public void A_pair_that_is_removed_leaves_no_series_and_one_that_is_renamed_has_its_own()
    {
        Write(TestPair.Make(), OtherCertPath, OtherKeyPath);
        Start(Options(), Options("other", OtherCertPath, OtherKeyPath));
        Assert.NotEmpty(SeriesOf("other"));

        Supervisor.Tell(new RemoveCertificate("other"));
        Barrier();
        Assert.Empty(SeriesOf("other"));
        Assert.NotEmpty(SeriesOf("default"));

        Supervisor.Tell(new AddCertificate(Options("renamed", OtherCertPath, OtherKeyPath)));
        AdvancePastDebounce();
        Assert.Empty(SeriesOf("other"));
        Assert.Equal(1, Of("renamed").Generation);
    }

    [Fact]
    public void A_pair_that_is_not_served_has_generation_0_unless_an_earlier_supervisor_has_served_it()
    {
        Files.Write(CertPath, "");
        Start();
        Assert.Equal(0, _metrics.Value("certactors.generation"));

        Rotate(TestPair.Make());
        AdvancePastDebounce();
        Assert.Equal(1, _metrics.Value("certactors.generation"));

        Stop();
        Files.Write(CertPath, "");
        Start();
        Assert.Equal(1, _metrics.Value("certactors.generation"));
    }

    [Fact]
    public void Two_supervisors_with_pairs_of_one_name_do_not_disturb_each_other()
    {
        Start();
        Rotate(TestPair.Make());
        AdvancePastDebounce();
        var first = Supervisor;
        Start(CertificateSupervisor.Props(State(new CertificatesOptions { Certificates = [Options()] }, new CertificateHolder())));

        Assert.Equal(2, _metrics.Value("certactors.generation", ("certactors.supervisor", first.Path.ToString())));
        Assert.Equal(1, _metrics.Value("certactors.generation", ("certactors.supervisor", Supervisor.Path.ToString())));

        Stop();
        Assert.Equal(2, Of("default").Generation);
        Assert.All(SeriesOf("default"), series => Assert.True(series.Has(("certactors.supervisor", first.Path.ToString()))));
    }

    [Fact]
    public void A_supervisor_that_is_restarted_counts_on_and_one_that_has_stopped_shows_nothing()
    {
        Start();
        Supervisor.Tell(Akka.Actor.Kill.Instance, TestActor);
        Barrier();
        AdvancePastDebounce();
        Rotate(TestPair.Make());
        AdvancePastDebounce();
        Assert.Equal((2, 2), (Of("default").Generation, Of("default").Changed));

        Stop();
        Assert.Empty(_metrics.Read());
    }

    [Fact]
    public void Rejected_loads_are_counted_by_their_reason()
    {
        Start();
        Files.Write(CertPath, "");
        Raise(CertPath);
        AdvancePastDebounce();
        AdvancePastFirstRetry();

        Assert.Equal(2, _metrics.Value("certactors.reloads", ("certactors.outcome", "rejected"), ("error.type", nameof(RejectionReason.FileEmpty))));
        Assert.Equal(1, Of("default").Generation);
    }

    [Fact]
    public void The_time_since_the_last_check_stays_short_until_the_files_are_bad_or_the_disk_hangs()
    {
        Start();
        Pass(seconds: 600, stepMilliseconds: 1000);
        Assert.InRange(CheckAge(), 0, 70);
        Assert.InRange((Sys.Scheduler.Now - Status().LastCheck!.Value).TotalSeconds, 0, 70);

        Files.Write(CertPath, "");
        Pass(seconds: 600, stepMilliseconds: 1000);
        Assert.InRange(CheckAge(), 600, 670);

        Write(TestPair.Make());
        Pass(seconds: 60, stepMilliseconds: 1000);
        Assert.InRange(CheckAge(), 0, 60);

        Disk.Hangs = true;
        Pass(seconds: 600, stepMilliseconds: 1000);
        Assert.InRange(CheckAge(), 600, 670);
    }

    [Fact]
    public void The_time_from_the_first_event_to_the_swap_and_that_of_the_load_are_recorded()
    {
        Start();
        _metrics.Read();
        Rotate(TestPair.Make());
        Advance(milliseconds: 100);
        Raise(CertPath);
        AdvancePastDebounce();
        Assert.Equal(0.25, _metrics.Value("certactors.change.latency"), 3);

        Disk.Hangs = true;
        Rotate(TestPair.Make());
        AdvancePastDebounce();
        Advance(seconds: 2);
        _metrics.Read();
        ReleaseDisk();
        var read = _metrics.Read();
        Assert.Equal(2.15, Assert.Single(read, series => series.Metric == "certactors.change.latency").Value, 3);
        Assert.Equal(2, Assert.Single(read, series => series.Metric == "certactors.load.duration" && series.Has(("certactors.outcome", "changed"))).Value, 3);
    }

    [Fact]
    public void The_time_of_a_rotation_that_is_held_counts_from_its_first_half()
    {
        Start();
        var next = TestPair.Make();
        Files.Write(CertPath, next.CertificatePem);
        Raise(CertPath);
        AdvancePastDebounce();
        Advance(seconds: 1);
        _metrics.Read();
        Files.Write(KeyPath, next.KeyPem);
        Raise(KeyPath);
        AdvancePastDebounce();

        Assert.Equal(1.3, _metrics.Value("certactors.change.latency"), 3);
    }

    [Fact]
    public void Events_are_counted_by_what_becomes_of_them_and_the_watch_mode_follows_the_source()
    {
        Start();
        _metrics.Read();
        Events.Raise(CertPath, FileEventKind.Written);
        Events.Raise(CertPath, FileEventKind.Written);
        Events.RaiseEverything(FileEventKind.Overflow);
        Barrier();

        var results = _metrics.Read().Where(series => series.Metric == "certactors.watch.events").Select(series => series.Tags["certactors.event.result"]);
        Assert.Equal(["coalesced", "handled", "overflowed"], results.Order());
        Assert.Equal((1, 0), (WatchMode("events"), WatchMode("polling")));

        Events.Unavailable = new IOException("none left");
        Events.RaiseEverything(FileEventKind.WatchLost);
        Barrier();
        Assert.Equal((0, 1), (WatchMode("events"), WatchMode("polling")));
    }

    [Fact]
    public void Connections_are_those_of_the_current_generation_and_of_those_before()
    {
        Start();
        using var first = Current.BeginConnection();
        Assert.Equal((1, 0, 0), Connections());

        Rotate(TestPair.Make());
        AdvancePastDebounce();
        using var second = Current.BeginConnection();
        using var third = Current.BeginConnection();
        Advance(seconds: 30);
        Assert.Equal((2, 1, 30), Connections());

        first.Dispose();
        Barrier();
        Assert.Equal((2, 0, 0), Connections());
    }

    [Fact]
    public void Connections_of_a_removed_pair_are_shown_until_they_have_closed_and_together_with_those_of_the_next_pair_of_its_name()
    {
        var other = Options("other", OtherCertPath, OtherKeyPath);
        Write(TestPair.Make(), OtherCertPath, OtherKeyPath);
        Start(Options(), other);
        var (first, second) = (Holder.Get("other")!.BeginConnection(), Holder.Get("other")!.BeginConnection());

        Supervisor.Tell(new RemoveCertificate("other"));
        Barrier();
        Advance(seconds: 30);
        Assert.Equal((0, 2, 30), Connections("other"));
        Assert.Equal(3, SeriesOf("other").Length);

        Supervisor.Tell(new AddCertificate(other));
        AdvancePastDebounce();
        using (Holder.Get("other")!.BeginConnection())
        {
            first.Dispose();
            Barrier();
            Assert.Equal((1, 1, 30.15), Connections("other"));
        }

        Supervisor.Tell(new RemoveCertificate("other"));
        Barrier();
        Assert.Equal((0, 1, 30.15), Connections("other"));
        second.Dispose();
        Barrier();
        Assert.Empty(SeriesOf("other"));
    }

    [Fact]
    public void Connections_of_a_removed_default_are_current_until_the_next_one_is_loaded()
    {
        Start();
        using var connection = Current.BeginConnection();

        Supervisor.Tell(new UpdateCertificates(new CertificatesOptions { Certificates = [Options("other", OtherCertPath, OtherKeyPath)] }));
        Barrier();
        Advance(seconds: 30);
        Assert.Equal((1, 0, 0), Connections("default"));

        Write(TestPair.Make(), OtherCertPath, OtherKeyPath);
        Raise(OtherCertPath);
        AdvancePastDebounce();
        Assert.Equal((0, 1), Connections("default") is var (current, superseded, _) ? (current, superseded) : default);
        connection.Dispose();
        Barrier();
        Assert.Empty(SeriesOf("default"));
    }

    [Fact]
    public async Task Handshakes_that_find_nothing_are_counted_by_the_reason()
    {
        Files.Delete(CertPath);
        Start();
        await Assert.ThrowsAsync<CertificateNotLoadedException>(() => Holder.SelectAsync(null, TimeSpan.Zero).AsTask());
        Assert.Equal((1, 0), (Unserved("NotLoaded"), Unserved("UnknownName")));

        Write(TestPair.Make("a.example"));
        Raise(CertPath);
        AdvancePastDebounce();
        Assert.Null(await Holder.SelectIdentityAsync("b.example", new CertificateServerOptions { StrictNames = true }));
        Assert.Equal((1, 1), (Unserved("NotLoaded"), Unserved("UnknownName")));
    }

    [Fact]
    public void The_table_of_metrics_in_the_readme_is_what_is_measured()
    {
        var issuer = new TestAuthority("one");
        var intermediate = new TestAuthority("intermediate", issuer);
        var leaf = new TestLeaf { Issuer = intermediate }.Make();
        Write(leaf with { CertificatePem = leaf.CertificatePem + intermediate.CertificatePem });
        Files.Write(BundlePath, issuer.CertificatePem);
        Start(new CertificatesOptions { Certificates = [Options()], TrustBundles = [Bundle] });
        using var connection = Current.BeginConnection();
        Files.Write(CertPath, "");
        Raise(CertPath);
        AdvancePastDebounce();
        Holder.RefusalsOf("clients")(new TrustResult { Refusal = TrustRefusal.Expired, Message = "" });
        var authority = Holder.GetTrustBundle("clients")!.Authorities[0];
        Holder.FindAcceptances("clients")!.Recorder(new TrustResult { Refusal = null, Message = "", Authority = authority }, Current.Leaf, Holder.UtcNow());

        var attributes = _metrics.Read().ToLookup(series => series.Metric, series => series.Tags.Keys);
        var measured = _metrics.Instruments.Select(instrument => string.Join(
            " | ",
            instrument.Name,
            instrument.GetType().Name.Split('`')[0],
            instrument.Unit,
            string.Join(", ", attributes[instrument.Name].SelectMany(keys => keys).Distinct().Order())));

        Assert.Equal(DocumentedMetrics.Read().Select(metric => metric.ToString()).Order(), measured.Order());
        Assert.All(_metrics.Instruments, instrument => Assert.False(string.IsNullOrEmpty(instrument.Description)));
    }

    private (double Generation, double Changed, double NotAfter) Of(string name) => (
        _metrics.Value("certactors.generation", ("certactors.name", name)),
        _metrics.Value("certactors.reloads", ("certactors.name", name), ("certactors.outcome", "changed")),
        _metrics.Value("certactors.certificate.not_after", ("certactors.name", name)));

    private Series[] SeriesOf(string name) => [.. _metrics.Read().Where(series => series.Has(("certactors.name", name)))];

    private double CheckAge() => _metrics.Value("certactors.check.age");

    private double WatchMode(string mode) => _metrics.Value("certactors.watch.mode", ("certactors.watch.mode", mode));

    private (double Current, double Superseded, double Age) Connections(string name = "default") => (
        _metrics.Value("certactors.connections", ("certactors.name", name), ("certactors.generation.state", "current")),
        _metrics.Value("certactors.connections", ("certactors.name", name), ("certactors.generation.state", "superseded")),
        Math.Round(_metrics.Value("certactors.drain.age", ("certactors.name", name)), 3));

    private double Unserved(string reason) => _metrics.Value("certactors.handshakes.unserved", ("error.type", reason));
}
