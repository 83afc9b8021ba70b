using Akka.Actor;
using CertActors.Tests.Support;
using CertActors.Watching.Sources;

namespace CertActors.Tests;

/// <summary>From an event to the certificate that is served.</summary>
public sealed class RotationSpec : PipelineKit
{
    public static TheoryData<string> CountingKinds => ["Created", "Written", "Removed", "Renamed", "Attributes"];

    [Fact]
    public void The_first_load_is_served_as_generation_1()
    {
        var pair = Write(TestPair.Make("a.example"));
        Start();

        Assert.Equal(1, Current.Generation);
        Assert.Equal(pair.Sha256, Current.Facts.Sha256);
        Assert.Equal("a.example", Assert.Single(Current.Facts.DnsNames));
        Assert.True(Current.Leaf.HasPrivateKey);
        var change = Assert.Single(News<CertificateChanged>());
        Assert.Equal((1, null, ReloadReason.Start), (change.Generation, change.Previous, change.Reason));
        Assert.Equal(Current.Facts, change.Current);
    }

    [Theory]
    [MemberData(nameof(CountingKinds))]
    public void Every_kind_of_event_counts(string kind)
    {
        Write(TestPair.Make());
        Start();
        var second = Write(TestPair.Make());

        Raise(KeyPath, Enum.Parse<FileEventKind>(kind));
        AdvancePastDebounce();

        Assert.Equal((2, second.Sha256), (Current.Generation, Current.Facts.Sha256));
    }

    [Fact]
    public void Several_events_are_one_reload()
    {
        Write(TestPair.Make());
        Start();
        News();
        var reads = Files.Reads;

        Rotate(TestPair.Make());
        Raise(CertPath, FileEventKind.Attributes);
        AdvancePastDebounce();
        Pass(seconds: 5);

        var change = Assert.Single(News<CertificateChanged>());
        Assert.Equal(ReloadReason.FileChange, change.Reason);
        Assert.Equal(2, Files.Reads - reads);
    }

    [Fact]
    public void An_overflow_touches_what_is_watched_in_the_directory()
    {
        Write(TestPair.Make());
        Start();
        Write(TestPair.Make());

        Events.RaiseEverything(FileEventKind.Overflow);
        Barrier();
        AdvancePastDebounce();

        Assert.Equal(2, Current.Generation);
    }

    [Fact]
    public void The_same_chain_and_key_are_no_change()
    {
        var pair = Write(TestPair.Make());
        Start();
        News();
        var served = Current;

        Rotate(pair);
        AdvancePastDebounce();

        Assert.Same(served, Current);
        Assert.Empty(News());
        Assert.Equal(1, Status().Loads.Changed);
        Assert.InRange(Status().Loads.Unchanged, 1, 3);
    }

    [Fact]
    public void An_intermediate_alone_is_a_change()
    {
        var issuer = new TestAuthority("issuer", new TestAuthority("root"));
        var pair = Write(new TestLeaf { Issuer = issuer }.Make());
        Start();

        Files.Write(CertPath, pair.CertificatePem + issuer.CertificatePem);
        Raise(CertPath);
        AdvancePastDebounce();

        Assert.Equal((2, pair.Sha256), (Current.Generation, Current.Facts.Sha256));
    }

    [Fact]
    public void A_removed_file_is_watched_again_when_it_comes_back()
    {
        Write(TestPair.Make());
        Start();

        Files.Delete(KeyPath);
        Raise(KeyPath, FileEventKind.Removed);
        AdvancePastDebounce();
        Assert.Equal(1, Current.Generation);

        for (var generation = 2; generation < 5; generation++)
        {
            Write(TestPair.Make());
            Raise(KeyPath, FileEventKind.Renamed);
            AdvancePastDebounce();
            Assert.Equal(generation, Current.Generation);
        }
    }

    [Fact]
    public void Links_are_followed_and_every_step_on_the_way_is_watched()
    {
        WriteVersion("1", TestPair.Make());
        Files.Link("/certs/..data", "..v1");
        Files.Link(CertPath, "..data/tls.crt");
        Files.Link(KeyPath, "/certs/..data/tls.key");
        Start();
        Assert.Equal(1, Current.Generation);
        Assert.All([CertPath, KeyPath, "/certs/..data", "/certs/..v1/tls.crt", "/certs/..v1/tls.key"], path => Assert.True(Events.Watches(path)));

        for (var version = 2; version < 5; version++)
        {
            var pair = WriteVersion($"{version}", TestPair.Make());
            Files.Link("/certs/..data", $"..v{version}");
            Raise("/certs/..data", FileEventKind.Created);
            Files.Delete($"/certs/..v{version - 1}");
            AdvancePastDebounce();

            Assert.Equal((version, pair.Sha256), (Current.Generation, Current.Facts.Sha256));
            Assert.True(Events.Watches($"/certs/..v{version}/tls.key"));
            Assert.False(Events.Watches($"/certs/..v{version - 1}/tls.key"));
        }

        TestPair WriteVersion(string version, TestPair pair) => Write(pair, $"/certs/..v{version}/tls.crt", $"/certs/..v{version}/tls.key");
    }

    [Fact]
    public void A_step_that_is_missing_is_watched_where_it_would_come()
    {
        Files.MakeDirectory("/certs");
        Start();
        Assert.Null(Holder.Current);
        Assert.True(Events.Watches(CertPath));

        Rotate(TestPair.Make());
        AdvancePastDebounce();

        Assert.Equal(1, Current.Generation);
    }

    [Fact]
    public void An_update_between_reading_and_looking_is_not_missed()
    {
        Write(TestPair.Make());
        Start();
        var late = TestPair.Make();
        Files.AfterRead = path =>
        {
            // The key was read last: both bytes are in memory when the files change under them, and no event tells of it.
            if (path != KeyPath)
                return;
            Files.AfterRead = null;
            Write(late);
        };

        Rotate(TestPair.Make());
        AdvancePastDebounce();

        Assert.Equal(late.Sha256, Current.Facts.Sha256);
    }

    [Fact]
    public void A_pair_that_changes_at_every_attempt_is_waited_for_then_rejected_and_read_again()
    {
        var first = Write(TestPair.Make());
        Start();
        News();
        var writes = 0;
        Files.AfterRead = path => Files.Write(path, first.CertificatePem + new string('\n', ++writes));

        Raise(CertPath);
        AdvancePastDebounce();
        Assert.Empty(News());
        AdvancePastHold();
        Assert.Equal(RejectionReason.FilesChanging, Assert.Single(News<CertificateReloadFailed>()).Reason);

        Files.AfterRead = null;
        Write(TestPair.Make());
        AdvancePastFirstRetry();
        Assert.Equal(2, Current.Generation);
    }

    [Fact]
    public void Stopping_cancels_a_reload_that_waits_and_nothing_reloads_afterwards()
    {
        Write(TestPair.Make());
        Start();
        var served = Current;
        Rotate(TestPair.Make());

        Stop();
        var reads = Files.Reads;
        Advance(seconds: 60);
        Events.Raise(CertPath, FileEventKind.Written);
        Advance(seconds: 60);

        Assert.Equal(reads, Files.Reads);
        Assert.Equal(0, Events.OpenNow);
        Assert.Same(served, Holder.Current);
    }

    [Fact]
    public void A_load_that_ends_after_the_stop_is_dropped()
    {
        Write(TestPair.Make());
        Start();
        var served = Current;
        Rotate(TestPair.Make());
        Disk.Hangs = true;
        AdvancePastDebounce();

        Stop();
        Disk.Release();
        Advance(seconds: 60);

        Assert.Same(served, Holder.Current);
    }

    [Fact]
    public void Stopping_twice_is_fine()
    {
        Write(TestPair.Make());
        Start();

        Stop();
        Sys.Stop(Supervisor);
        Supervisor.Tell(PoisonPill.Instance);
        Barrier();

        Assert.Equal(1, Current.Generation);
    }

    [Fact]
    public void Started_again_after_a_stop_it_works_again_and_generations_go_on()
    {
        Write(TestPair.Make());
        var props = CertificateSupervisor.Props(State(new CertificatesOptions { Certificates = [Options()] }));
        Start(props);
        Stop();

        Write(TestPair.Make());
        Start(props);
        Assert.Equal(2, Current.Generation);

        Stop();
        Start();
        Rotate(TestPair.Make());
        AdvancePastDebounce();
        Assert.Equal(3, Current.Generation);
    }

    [Fact]
    public void A_second_supervisor_on_the_holder_is_refused_and_takes_nothing_away()
    {
        Write(TestPair.Make());
        Start();
        var second = State(new CertificatesOptions { Certificates = [Options()] });

        var refused = Sys.ActorOf(CertificateSupervisor.Props(second), "second");
        Watch(refused);
        Barrier();
        ExpectTerminated(refused);

        var reason = Assert.IsType<CertificateHolderInUseException>(Assert.Single(second.Started.Task.Exception!.InnerExceptions));
        Assert.Equal(Supervisor.Path.ToString(), reason.Owner);
        Rotate(TestPair.Make());
        AdvancePastDebounce();
        Assert.Equal(2, Current.Generation);
    }
}
