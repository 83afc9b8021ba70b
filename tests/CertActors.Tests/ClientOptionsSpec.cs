using System.Net.Security;
using System.Security.Authentication;
using CertActors.Clients;
using CertActors.Tests.Support;

namespace CertActors.Tests;

/// <summary>What a client's handshakes use: the pair and the trust bundle as they are at one moment, or an error.</summary>
public sealed class ClientOptionsSpec : PipelineKit
{
    private const string BundlePath = "/trust/ca.pem";

    private static readonly TrustBundleOptions Bundle = new() { Name = "servers", CertificatePaths = [BundlePath] };

    [Fact]
    public void The_options_have_the_certificate_and_the_trust_of_their_creation()
    {
        StartAll();
        var first = Holder.CreateClientOptions("default", "servers");
        Rotate(TestPair.Make());
        AdvancePastDebounce();
        var second = Holder.CreateClientOptions("default", "servers");

        Assert.NotSame(first.ClientCertificateContext, second.ClientCertificateContext);
        Assert.Same(Current.Context, second.ClientCertificateContext);
        Assert.NotNull(second.CertificateChainPolicy);
        Assert.NotNull(second.RemoteCertificateValidationCallback);
        Assert.True(second.AllowTlsResume);
        Assert.Null(second.LocalCertificateSelectionCallback);
    }

    [Fact]
    public void Without_a_pair_nothing_is_sent_and_without_a_bundle_the_system_decides()
    {
        StartAll();

        Assert.Null(Holder.CreateClientOptions(bundle: "servers").ClientCertificateContext);
        var options = Holder.CreateClientOptions("default");
        Assert.Null(options.CertificateChainPolicy);
        Assert.Null(options.RemoteCertificateValidationCallback);
    }

    [Fact]
    public void A_server_without_a_certificate_is_refused()
    {
        StartAll();
        var callback = Holder.CreateClientOptions(bundle: "servers").RemoteCertificateValidationCallback!;

        var refusal = Assert.ThrowsAny<AuthenticationException>(
            () => callback(this, certificate: null, chain: null, SslPolicyErrors.RemoteCertificateNotAvailable));

        Assert.Contains("A peer without a certificate is refused", refusal.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void What_is_not_loaded_is_named_with_the_reason()
    {
        var nothing = Assert.Throws<CertificateNotLoadedException>(() => Holder.CreateClientOptions("default"));
        Write(TestPair.Make());
        Files.Write(CertPath, "garbage");
        Files.Write(BundlePath, "garbage");
        Start(new CertificatesOptions { Certificates = [Options()], TrustBundles = [Bundle] });
        AdvancePastHold();

        var pair = Assert.Throws<CertificateNotLoadedException>(() => Holder.CreateClientOptions("default", "servers"));
        var bundle = Assert.Throws<CertificateNotLoadedException>(() => Holder.CreateClientOptions(bundle: "servers"));
        var other = Assert.Throws<CertificateNotLoadedException>(() => Holder.CreateClientOptions("other"));

        Assert.Equal("Certificate default was not loaded: is the certificate supervisor running?", nothing.Message);
        Assert.StartsWith("Certificate default was not loaded: ", pair.Message, StringComparison.Ordinal);
        Assert.Contains(CertPath, pair.Message, StringComparison.Ordinal);
        Assert.Equal(RejectionReason.CertificateMalformed, pair.Failure?.Reason);
        Assert.StartsWith("The trust bundle 'servers' is not loaded: ", bundle.Message, StringComparison.Ordinal);
        Assert.Contains(BundlePath, bundle.Message, StringComparison.Ordinal);
        Assert.Contains("'other'", other.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_pair_is_found_by_its_name_until_it_is_removed()
    {
        StartAll();
        Write(TestPair.Make(), "/b/tls.crt", "/b/tls.key");
        Assert.Null(Holder.Get("b"));
        Supervisor.Tell(new AddCertificate(Options("b", "/b/tls.crt", "/b/tls.key")), TestActor);
        AdvancePastDebounce();
        Assert.Equal("b", Holder.Get("b")?.Name);

        Supervisor.Tell(new RemoveCertificate("b"), TestActor);
        Barrier();

        Assert.Null(Holder.Get("b"));
        Assert.Null(Holder.Get(null));
        Assert.Same(Current, Holder.Get("default"));
    }

    [Fact]
    public void A_snapshot_is_current_until_the_pair_or_the_bundle_is_swapped()
    {
        StartAll();
        var first = ClientSnapshot.Take(Holder, "default", "servers");
        Assert.True(first.IsCurrent);

        WriteBundle(new TestAuthority("other"));
        Raise(BundlePath);
        AdvancePastDebounce();
        var second = ClientSnapshot.Take(Holder, "default", "servers");
        Assert.False(first.IsCurrent);
        Assert.True(second.IsCurrent);
        Assert.True(first.Bundle!.Superseded.IsCancellationRequested);
        Assert.False(second.Bundle!.Superseded.IsCancellationRequested);

        Rotate(TestPair.Make());
        AdvancePastDebounce();
        Assert.False(second.IsCurrent);
        Assert.True(second.Certificate!.Superseded.IsCancellationRequested);
    }

    private void StartAll()
    {
        Write(TestPair.Make());
        WriteBundle(new TestAuthority("one"));
        Start(new CertificatesOptions { Certificates = [Options()], TrustBundles = [Bundle] });
    }

    private void WriteBundle(TestAuthority authority) => Files.Write(BundlePath, authority.CertificatePem);
}
