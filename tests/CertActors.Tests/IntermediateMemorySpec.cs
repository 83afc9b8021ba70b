using System.Security.Cryptography.X509Certificates;
using CertActors.Tests.Support;
using CertActors.Verifying;

namespace CertActors.Tests;

/// <summary>What is remembered of peers' intermediates, and that it is bounded.</summary>
public sealed class IntermediateMemorySpec
{
    private readonly IntermediateMemory _memory = new();

    [Fact]
    public void An_intermediate_is_remembered_once_and_outlives_the_chain_that_it_came_with()
    {
        var pem = new TestAuthority("intermediate").CertificatePem;
        for (var times = 0; times < 3; times++)
        {
            using var intermediate = X509Certificate2.CreateFromPem(pem);
            _memory.Accept(intermediate);
        }

        Assert.Equal("CN=intermediate", Assert.Single(_memory.Accepted).Subject);
    }

    [Fact]
    public void Of_many_that_are_added_at_once_none_is_lost()
    {
        X509Certificate2[] all = [.. Enumerable.Range(0, 64).Select(number => X509Certificate2.CreateFromPem(new TestAuthority($"{number}").CertificatePem))];

        Parallel.ForEach(all, _memory.Accept);

        Assert.Equal(all.Length, _memory.Accepted.Count);
    }

    [Fact]
    public void One_that_is_used_stays_however_many_come_after_it()
    {
        using var used = Certificate(new TestAuthority("used").CertificatePem);
        foreach (var number in Enumerable.Range(0, IntermediateMemory.MaxAccepted * 2))
        {
            _memory.Accept(used);
            Accept($"{number}");
        }

        Assert.Equal(IntermediateMemory.MaxAccepted, _memory.Accepted.Count);
        Assert.Contains(_memory.Accepted, known => known.Subject == "CN=used");
    }

    [Fact]
    public void A_few_more_in_turn_than_there_is_room_for_are_found_most_of_the_time()
    {
        X509Certificate2[] all = [.. Enumerable.Range(0, IntermediateMemory.MaxAccepted + 8).Select(number => Certificate(new TestAuthority($"{number}").CertificatePem))];
        var missing = 0;
        foreach (var round in Enumerable.Range(0, 5))
        {
            foreach (var intermediate in all)
            {
                if (round > 0 && !_memory.Accepted.Any(known => known.SerialNumber == intermediate.SerialNumber))
                    missing++;
                _memory.Accept(intermediate);
            }
        }

        Assert.InRange(missing, 1, all.Length * 4 / 10); // It is known most of the time.
        Assert.All(all, intermediate => intermediate.Dispose());
    }

    [Fact]
    public async Task One_that_is_used_while_others_are_added_stays()
    {
        using var used = Certificate(new TestAuthority("used").CertificatePem);
        _memory.Accept(used);
        var first = _memory.Accepted[0];
        X509Certificate2[] others = [.. Enumerable.Range(0, IntermediateMemory.MaxAccepted + 64).Select(number => Certificate(new TestAuthority($"{number}").CertificatePem))];
        using var stop = new CancellationTokenSource();
        var uses = 0;
        var user = Task.Run(() =>
        {
            for (; !stop.IsCancellationRequested; Interlocked.Increment(ref uses))
                _memory.Accept(used);
        });

        foreach (var other in Enumerable.Repeat(others, 4).SelectMany(round => round))
        {
            var before = Volatile.Read(ref uses);
            SpinWait.SpinUntil(() => Volatile.Read(ref uses) > before + 1);
            _memory.Accept(other);
        }

        await stop.CancelAsync();
        await user;
        Assert.Contains(_memory.Accepted, known => ReferenceEquals(known, first));
        Assert.All(others, other => other.Dispose());
    }

    [Fact]
    public void Peers_that_are_refused_displace_each_other_alone()
    {
        Accept("intermediate");
        var leaves = Enumerable.Range(0, IntermediateMemory.MaxRefused + 1).Select(_ => Certificate(TestPair.Make().CertificatePem)).ToArray();
        using var intermediate = Certificate(new TestAuthority("foreign").CertificatePem);

        foreach (var leaf in leaves)
            _memory.Refuse(leaf, [intermediate]);

        Assert.Empty(_memory.OfRefused(leaves[0]));
        Assert.All(leaves[1..], leaf => Assert.Equal("CN=foreign", Assert.Single(_memory.OfRefused(leaf)).Subject));
        Assert.Single(_memory.Accepted);
        Assert.All(leaves, leaf => leaf.Dispose());
    }

    [Fact]
    public void A_refused_chain_that_is_long_or_large_is_not_remembered()
    {
        using var leaf = Certificate(TestPair.Make().CertificatePem);
        using var small = Certificate(new TestAuthority("small").CertificatePem);
        using var large = Certificate(new TestAuthority("large", extension: new X509Extension("1.3.6.1.4.1.99999.1", new byte[16 * 1024], critical: false)).CertificatePem);

        _memory.Refuse(leaf, [small, small, small, small, small]);
        _memory.Refuse(leaf, [large]);
        _memory.Refuse(leaf, []);
        Assert.Empty(_memory.OfRefused(leaf));

        _memory.Refuse(leaf, [small, small, small, small]);
        Assert.Equal(4, _memory.OfRefused(leaf).Count);
    }

    private static X509Certificate2 Certificate(string pem) => X509Certificate2.CreateFromPem(pem);

    private void Accept(string name)
    {
        using var intermediate = Certificate(new TestAuthority(name).CertificatePem);
        _memory.Accept(intermediate);
    }
}
