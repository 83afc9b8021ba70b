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
    public void The_oldest_makes_room()
    {
        var pem = new TestAuthority("first").CertificatePem;
        using (var first = X509Certificate2.CreateFromPem(pem))
            _memory.Accept(first);

        foreach (var number in Enumerable.Range(0, IntermediateMemory.MaxAccepted))
            Accept($"{number}");

        Assert.Equal(Enumerable.Range(0, IntermediateMemory.MaxAccepted).Select(number => $"CN={number}"), _memory.Accepted.Select(known => known.Subject));
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
