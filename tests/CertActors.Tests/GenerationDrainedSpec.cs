using Akka.Actor;
using Akka.Event;
using CertActors.Tests.Support;
using CertActors.Watching.Sources;

namespace CertActors.Tests;

/// <summary>When a rotation has ended: the connections of each generation, and the message when the last one has closed.</summary>
public sealed class GenerationDrainedSpec : PipelineKit
{
    private const string OtherCert = "/other/tls.crt";
    private const string OtherKey = "/other/tls.key";

    private static CertificateOptions Other => Options("other", OtherCert, OtherKey);

    [Fact]
    public void The_end_of_the_last_connection_of_a_superseded_generation_is_announced()
    {
        Sys.EventStream.Subscribe(TestActor, typeof(GenerationDrained));
        StartOne();
        var (one, two) = (Current.BeginConnection(), Current.BeginConnection());
        var superseded = RotateOnce();
        one.Dispose();
        Assert.Empty(News());

        Advance(seconds: 40);
        two.Dispose();

        var drained = Assert.IsType<GenerationDrained>(Assert.Single(News()));
        Assert.Equal(("default", 1, superseded, superseded.AddSeconds(40)), (drained.Name, drained.Generation, drained.SupersededAt, drained.At));
        Assert.Equal(drained, ExpectMsg<GenerationDrained>());
        Assert.Equal(
            "Certificate default: generation 1 has drained: no connection uses it any more, 00:00:40 after it was superseded.",
            Assert.Single(Logged(), entry => entry.Contains("drained", StringComparison.Ordinal)).Split("] ")[^1]);
    }

    [Fact]
    public void A_connection_that_is_disposed_twice_counts_once()
    {
        StartOne();
        var (one, two) = (Current.BeginConnection(), Current.BeginConnection());
        one.Dispose();
        one.Dispose();
        RotateOnce();
        Assert.Equal([(1, 1), (2, 0)], Connections());

        two.Dispose();

        Assert.Single(News<GenerationDrained>());
    }

    [Fact]
    public void A_generation_without_a_connection_is_announced_right_after_its_swap()
    {
        StartOne();
        Current.BeginConnection().Dispose();

        RotateOnce(readNews: false);
        Assert.Equal([(2, typeof(CertificateChanged)), (1, typeof(GenerationDrained))], Generations(News()));
        RotateOnce(readNews: false);
        Assert.Equal([(3, typeof(CertificateChanged)), (2, typeof(GenerationDrained))], Generations(News()));
    }

    [Fact]
    public void While_nobody_counts_connections_nothing_is_announced_and_the_status_lists_none()
    {
        StartOne();
        RotateOnce(readNews: false);

        Assert.Empty(News<GenerationDrained>());
        Assert.Empty(Status().Connections);
    }

    [Fact]
    public void Connections_are_counted_for_all_pairs_of_a_holder_or_none()
    {
        Write(TestPair.Make(), OtherCert, OtherKey);
        StartOne(Options(), Other);
        using var connection = Current.BeginConnection();

        Write(TestPair.Make(), OtherCert, OtherKey);
        Raise(OtherCert);
        AdvancePastDebounce();

        var drained = Assert.Single(News<GenerationDrained>());
        Assert.Equal(("other", 1), (drained.Name, drained.Generation));
    }

    [Fact]
    public void The_status_lists_the_open_connections_of_each_generation()
    {
        StartOne();
        var first = Current.BeginConnection();
        var superseded = RotateOnce();
        using var second = Current.BeginConnection();
        RotateOnce();
        using var third = Current.BeginConnection();
        using var fourth = Current.BeginConnection();
        Assert.Equal([(1, 1), (2, 1), (3, 2)], Connections());
        Assert.Equal(superseded, Status().Connections[0].SupersededAt);
        Assert.Null(Status().Connections[2].SupersededAt);

        first.Dispose();
        Assert.Equal([(2, 1), (3, 2)], Connections());
    }

    [Fact]
    public void Generations_are_announced_in_the_order_in_which_they_drain()
    {
        StartOne();
        var first = Current.BeginConnection();
        RotateOnce();
        var second = Current.BeginConnection();
        RotateOnce();

        second.Dispose();
        Assert.Equal(2, Assert.Single(News<GenerationDrained>()).Generation);
        first.Dispose();
        Assert.Equal(1, Assert.Single(News<GenerationDrained>()).Generation);
    }

    [Fact]
    public void A_connection_that_a_late_handshake_begins_is_listed_and_announced_no_more()
    {
        StartOne();
        var first = Current;
        first.BeginConnection().Dispose();
        RotateOnce();

        var late = first.BeginConnection();
        RotateOnce();
        Assert.Equal([(1, 1), (3, 0)], Connections());
        late.Dispose();

        Assert.Empty(News());
        Assert.Equal([(3, 0)], Connections());
    }

    [Fact]
    public void A_connection_that_closes_before_the_swap_is_reported_is_announced_after_it()
    {
        HasOwnThreads = true;
        StartOne();
        var connection = Current.BeginConnection();
        using var subscription = Current.Superseded.Register(connection.Dispose);

        RotateOnce(readNews: false);

        // The callback runs on the thread pool: before the report of the swap, or after it.
        Assert.True(SpinWait.SpinUntil(() => Status().Connections.Count == 1, TimeSpan.FromSeconds(60)));
        Assert.Equal([(2, typeof(CertificateChanged)), (1, typeof(GenerationDrained))], Generations(News()));
    }

    [Fact]
    public void What_drains_while_the_supervisor_restarts_is_announced_once()
    {
        StartOne();
        var connection = Current.BeginConnection();
        RotateOnce();

        Supervisor.Tell(Akka.Actor.Kill.Instance);
        connection.Dispose();
        Barrier();
        Assert.Equal(1, Assert.Single(News<GenerationDrained>()).Generation);

        Supervisor.Tell(Akka.Actor.Kill.Instance);
        Barrier();
        Assert.Empty(News<GenerationDrained>());
    }

    [Fact]
    public void What_drains_while_no_supervisor_runs_is_announced_by_the_next_and_leaves_no_dead_letter()
    {
        var dead = CreateTestProbe();
        Sys.EventStream.Subscribe(dead, typeof(AllDeadLetters));
        StartOne();
        var connection = Current.BeginConnection();
        RotateOnce();
        Stop();
        connection.Dispose();
        Barrier();
        Assert.False(dead.HasMessages);

        Sys.EventStream.Subscribe(TestActor, typeof(GenerationDrained));
        Start();

        Assert.Equal(1, ExpectMsg<GenerationDrained>().Generation);
    }

    [Fact]
    public void The_connections_of_a_pair_that_only_an_earlier_supervisor_had_drain_under_the_next()
    {
        Write(TestPair.Make(), OtherCert, OtherKey);
        StartOne(Other, Options());
        var connection = Current.BeginConnection();
        Write(TestPair.Make(), OtherCert, OtherKey);
        Raise(OtherCert);
        AdvancePastDebounce();
        Stop();
        Start();
        News();

        connection.Dispose();

        var drained = Assert.Single(News<GenerationDrained>());
        Assert.Equal(("other", 1), (drained.Name, drained.Generation));
    }

    [Fact]
    public void The_connections_of_a_default_that_an_earlier_supervisor_has_removed_drain_under_the_next()
    {
        StartOne(Options(), Other);
        var connection = Current.BeginConnection();
        Supervisor.Tell(new UpdateCertificates(new CertificatesOptions { Certificates = [Other] }), TestActor);
        Barrier();
        ExpectMsg<UpdateCertificatesResult>();
        Stop();
        Write(TestPair.Make(), OtherCert, OtherKey);
        Start(Other);
        Assert.Equal("other", Current.Name);
        News();

        connection.Dispose();

        Assert.Equal(("default", 1), Assert.Single(News<GenerationDrained>()) is var drained ? (drained.Name, drained.Generation) : default);
    }

    [Fact]
    public void While_nobody_counts_connections_a_default_that_was_removed_drains_without_a_message_after_a_restart_too()
    {
        StartOne(Options(), Other);
        Supervisor.Tell(new UpdateCertificates(new CertificatesOptions { Certificates = [Other] }), TestActor);
        Barrier();
        ExpectMsg<UpdateCertificatesResult>();
        Supervisor.Tell(Akka.Actor.Kill.Instance);
        Barrier();
        Assert.Equal("default", Current.Name);

        Write(TestPair.Make(), OtherCert, OtherKey);
        Raise(OtherCert, FileEventKind.Created);
        Pass(seconds: 10);

        Assert.Equal("other", Current.Name);
        Assert.Empty(News<GenerationDrained>());
    }

    [Fact]
    public void A_generation_that_has_drained_and_that_a_late_handshake_uses_is_over_with_that_handshake()
    {
        var state = State(new CertificatesOptions { Certificates = [Options(), Other] });
        Write(TestPair.Make());
        Start(CertificateSupervisor.Props(state));
        Holder.CountConnections();
        var first = Current;
        RotateOnce();
        var late = first.BeginConnection();
        Supervisor.Tell(new RemoveCertificate("default"), TestActor);
        Barrier();

        late.Dispose();
        Barrier();

        Assert.Empty(state.Snapshot.DrainingOf("default"));
    }

    private void StartOne(params CertificateOptions[] pairs)
    {
        Write(TestPair.Make());
        Start(pairs);
        News();
    }

    /// <returns>When the swap was.</returns>
    private DateTimeOffset RotateOnce(bool readNews = true)
    {
        Rotate(TestPair.Make());
        AdvancePastDebounce();
        if (readNews)
            News();
        return Current.Announcement.At;
    }

    private IEnumerable<(long, int)> Connections() => Status().Connections.Select(generation => (generation.Generation, generation.Open));

    private static IEnumerable<(long, Type)> Generations(IEnumerable<object> news) => news.Select(message => message switch
    {
        CertificateChanged changed => (changed.Generation, message.GetType()),
        GenerationDrained drained => (drained.Generation, message.GetType()),
        _ => (0, message.GetType()),
    });
}
