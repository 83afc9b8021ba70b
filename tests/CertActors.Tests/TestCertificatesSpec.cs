using System.Security.Cryptography.X509Certificates;
using CertActors.TestKit;
using CertActors.Tests.Support;

namespace CertActors.Tests;

/// <summary>The test kit: a holder without files and actors.</summary>
public sealed class TestCertificatesSpec : PipelineKit
{
    [Fact]
    public async Task What_is_served_is_the_next_generation_and_the_one_before_is_superseded()
    {
        using var certificates = new TestCertificates();
        var waiting = certificates.Holder.WaitForFirstAsync(Timeout.InfiniteTimeSpan);
        var first = certificates.Serve(TestCertificates.SelfSigned("a.example.org"));
        var served = await waiting;
        using var connection = served.BeginConnection();

        using var leaf = TestCertificates.SelfSigned("b.example.org", "192.0.2.1");
        var second = certificates.Serve(leaf);

        Assert.Equal((1, 2, served.Facts), (first.Generation, second.Generation, second.Previous));
        Assert.Equal((1, 2), (served.Generation, certificates.Holder.Current!.Generation));
        Assert.True(served.Superseded.IsCancellationRequested);
        Assert.Equal(["b.example.org"], second.Current.DnsNames);
        Assert.Equal(["192.0.2.1"], second.Current.IPAddresses);
        Assert.True(certificates.Holder.Current!.Leaf.HasPrivateKey);
    }

    [Fact]
    public void Each_pair_answers_to_the_names_of_its_leaf_and_the_default_to_all_others()
    {
        using var certificates = new TestCertificates();
        certificates.Serve(TestCertificates.SelfSigned("b.example.org"), "b");
        certificates.Serve(TestCertificates.SelfSigned("a.example.org"));
        certificates.Serve(TestCertificates.SelfSigned("a.example.org"));

        Assert.Equal("b", certificates.Holder.SelectStrict("b.example.org")?.Name);
        Assert.Equal(("default", 2), (certificates.Holder.SelectStrict("a.example.org")!.Name, certificates.Holder.Select("c.example.org")!.Generation));
        Assert.Null(certificates.Holder.SelectStrict("c.example.org"));
    }

    [Fact]
    public void Peers_are_verified_against_what_is_trusted_now()
    {
        using var certificates = new TestCertificates();
        using var client = TestCertificates.SelfSigned();
        certificates.Serve(TestCertificates.SelfSigned());
        certificates.Trust("clients", client);
        var first = certificates.Holder.GetTrustBundle("clients")!;
        var change = certificates.Trust("clients", TestCertificates.SelfSigned());

        Assert.Equal((2, 1, 1), (change.Generation, change.Added.Count, change.Removed.Count));
        Assert.Null(first.Verify(client, null, CertificatePurpose.ClientAuthentication, DateTimeOffset.UtcNow).Refusal);
        var refused = certificates.Holder.GetTrustBundle("clients")!.Verify(client, null, CertificatePurpose.ClientAuthentication, DateTimeOffset.UtcNow);
        Assert.Equal(TrustRefusal.Untrusted, refused.Refusal);
        Assert.NotNull(certificates.Holder.Current);
    }

    [Fact]
    public void A_holder_belongs_to_it_or_to_a_supervisor_and_generations_go_on()
    {
        using (var certificates = new TestCertificates(Holder))
        {
            certificates.Serve(TestCertificates.SelfSigned());
            Assert.Throws<CertificateHolderInUseException>(() => new TestCertificates(Holder));
            certificates.Dispose();
            Assert.Throws<ObjectDisposedException>(() => certificates.Serve(TestCertificates.SelfSigned()));
        }

        Write(TestPair.Make());
        Start();
        Assert.Equal(2, Current.Generation);
        Assert.Throws<CertificateHolderInUseException>(() => new TestCertificates(Holder));

        Stop();
        using var after = new TestCertificates(Holder);
        Assert.Equal(3, after.Serve(TestCertificates.SelfSigned()).Generation);
    }

    [Fact]
    public void A_supervisor_is_refused_while_a_test_owns_the_holder()
    {
        using var certificates = new TestCertificates(Holder);
        certificates.Serve(TestCertificates.SelfSigned());

        Write(TestPair.Make());
        Sys.ActorOf(CertificateSupervisor.Props(State(new CertificatesOptions { Certificates = [Options()] })));
        Barrier();

        Assert.Contains(Logged(), line => line.Contains(nameof(CertificateHolderInUseException), StringComparison.Ordinal));
        Assert.Equal(1, Current.Generation);
    }

    [Fact]
    public void A_leaf_without_its_key_or_with_a_bad_name_is_refused()
    {
        using var certificates = new TestCertificates();
        using var leaf = TestCertificates.SelfSigned();
        using var withoutKey = X509CertificateLoader.LoadCertificate(leaf.RawData);

        Assert.Throws<ArgumentException>("leaf", () => certificates.Serve(withoutKey));
        Assert.Throws<ArgumentException>("pair", () => certificates.Serve(leaf, "no name"));
        Assert.Throws<ArgumentException>("bundle", () => certificates.Trust("", leaf));
    }
}
