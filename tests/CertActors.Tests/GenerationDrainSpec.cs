using CertActors.AspNetCore;
using CertActors.Tests.Support;

namespace CertActors.Tests;

/// <summary>When each connection of a superseded generation is due.</summary>
public sealed class GenerationDrainSpec
{
    private const int Grace = 60;
    private const int Window = 400;

    private readonly GenerationDrain _generation = Make(hardLimit: null);

    [Fact]
    public void Connections_are_asked_one_by_one_in_even_slots_after_the_grace_period()
    {
        const int count = 300;
        Add(_generation, count);

        var asked = AskTimes(_generation);

        // Notice is given in slots of a second, from 60 s to 360 s, and each connection is asked 100 s later.
        Assert.Equal(count, asked.Count);
        for (var i = 0; i < count; i++)
            Assert.InRange(asked[i], Grace + 100 + i, Grace + 100 + i + 1.1);
    }

    [Fact]
    public void Two_drains_do_not_keep_the_same_times()
    {
        var other = Make(hardLimit: null);
        Add(_generation, 10);
        Add(other, 10);

        Assert.NotEqual(AskTimes(_generation), AskTimes(other));
    }

    [Fact]
    public void What_remains_when_others_close_by_themselves_is_spread_over_the_rest_of_the_window()
    {
        var connections = Add(_generation, 300);
        Assert.NotNull(_generation.Due());
        foreach (var connection in connections[..297])
            connection.Node.List!.Remove(connection.Node);

        // The slots of the three: a second that was planned before, and then halves of the rest.
        var asked = AskTimes(_generation);
        Assert.Equal(3, asked.Count);
        Assert.InRange(asked[1], Grace + 101, Grace + 101 + 150);
        Assert.InRange(asked[2], Grace + 100 + 149, Grace + Window + 1);
    }

    [Fact]
    public void A_connection_that_comes_after_the_window_is_due_at_once()
    {
        Add(_generation, 2);
        AskTimes(_generation);
        var (late, now) = (Add(_generation, 1)[0], Seconds(Grace + Window + 100));

        Assert.True(_generation.Due() <= now);
        Assert.Equal([(late, DrainStep.Notice), (late, DrainStep.Ask), null], [_generation.Take(now), _generation.Take(now), _generation.Take(now)]);
    }

    [Fact]
    public void Nothing_is_due_once_all_are_asked_unless_there_is_a_hard_limit()
    {
        var limited = Make(hardLimit: 500);
        var connections = Add(limited, 2);
        Add(_generation, 2);
        AskTimes(_generation);
        AskTimes(limited);

        Assert.Null(_generation.Due());
        Assert.Equal(Seconds(500), limited.Due());
        Assert.Null(limited.Take(Seconds(499)));
        Assert.Equal([(connections[0], DrainStep.Abort), (connections[1], DrainStep.Abort)], [limited.Take(Seconds(500)), limited.Take(Seconds(500))]);
        Assert.Null(limited.Take(Seconds(500)));
        Assert.Null(limited.Due());
    }

    [Fact]
    public void Without_connections_nothing_is_due()
    {
        var limited = Make(hardLimit: 500);

        Assert.Null(limited.Due());
        Assert.Null(limited.Take(Seconds(1000)));
    }

    [Fact]
    public void Without_a_window_all_are_due_when_the_grace_period_ends()
    {
        var options = new CertificateDrainOptions { GracePeriod = Seconds(1), DrainWindow = TimeSpan.Zero, HardLimit = Seconds(1) };
        var generation = new GenerationDrain(null!, options, "default", 1);
        Add(generation, 2);

        Assert.Equal(Seconds(1), generation.Due());
        Assert.Null(generation.Take(Seconds(0.9)));
        Assert.Equal([DrainStep.Abort, DrainStep.Abort], [generation.Take(Seconds(1))?.Step, generation.Take(Seconds(1))?.Step]);
    }

    /// <summary>The time of each close that is asked for, in seconds since the swap, when the drain is looked at whenever it is due.</summary>
    private static List<double> AskTimes(GenerationDrain generation)
    {
        var times = new List<double>();
        while (generation.Due() is { } now && now <= Seconds(Grace + Window))
        {
            while (generation.Take(now) is var (_, step))
            {
                Assert.NotEqual(DrainStep.Abort, step);
                if (step == DrainStep.Ask)
                    times.Add(now.TotalSeconds);
            }
        }

        return times;
    }

    private static GenerationDrain Make(double? hardLimit)
    {
        var options = new CertificateDrainOptions
        {
            GracePeriod = Seconds(Grace),
            DrainWindow = Seconds(Window),
            HardLimit = hardLimit is { } limit ? Seconds(limit) : null,
        };
        return new GenerationDrain(null!, options, "default", 1);
    }

    private static DrainedConnection[] Add(GenerationDrain generation, int count)
    {
        DrainedConnection[] connections = [.. Enumerable.Range(0, count).Select(_ => new DrainedConnection(new FakeConnection(), generation, client: null, trustBundle: null))];
        foreach (var connection in connections)
            generation.Add(connection);
        return connections;
    }

    private static TimeSpan Seconds(double seconds) => TimeSpan.FromSeconds(seconds);
}
