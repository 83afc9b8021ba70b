using System.Net;
using System.Net.Security;
using System.Runtime.CompilerServices;
using System.Security.Cryptography.X509Certificates;
using CertActors.Clients;
using CertActors.Tests.Support;

namespace CertActors.Tests;

/// <summary>Which settings of a handler are the user's, and when the connections of a generation are closed.</summary>
public sealed class CertificateHttpHandlerSpec : PipelineKit
{
    public static TheoryData<string> Owned =>
    [
        nameof(SslClientAuthenticationOptions.ClientCertificates),
        nameof(SslClientAuthenticationOptions.ClientCertificateContext),
        nameof(SslClientAuthenticationOptions.LocalCertificateSelectionCallback),
        nameof(SslClientAuthenticationOptions.RemoteCertificateValidationCallback),
        nameof(SslClientAuthenticationOptions.CertificateChainPolicy),
        nameof(SslClientAuthenticationOptions.CertificateRevocationCheckMode),
    ];

    [Theory]
    [MemberData(nameof(Owned))]
    public void What_the_pair_and_the_bundle_decide_cannot_be_configured(string property)
    {
        Write(TestPair.Make());
        Start();

        var refusal = Assert.Throws<ArgumentException>(() => new CertificateHttpHandler(Holder, "default", configure: handler => Set(handler.SslOptions)));

        Assert.Contains($"SslOptions.{property} must not be set", refusal.Message, StringComparison.Ordinal);
        Assert.Equal("configure", refusal.ParamName);

        void Set(SslClientAuthenticationOptions options)
        {
            switch (property)
            {
                case nameof(options.ClientCertificates):
                    options.ClientCertificates = [Current.Leaf];
                    break;
                case nameof(options.ClientCertificateContext):
                    options.ClientCertificateContext = Current.Context;
                    break;
                case nameof(options.LocalCertificateSelectionCallback):
                    options.LocalCertificateSelectionCallback = (_, _, _, _, _) => Current.Leaf;
                    break;
                case nameof(options.RemoteCertificateValidationCallback):
                    options.RemoteCertificateValidationCallback = (_, _, _, _) => false;
                    break;
                case nameof(options.CertificateChainPolicy):
                    options.CertificateChainPolicy = new X509ChainPolicy();
                    break;
                case nameof(options.CertificateRevocationCheckMode):
                    options.CertificateRevocationCheckMode = X509RevocationMode.Online;
                    break;
                default:
                    Assert.Fail(property);
                    break;
            }
        }
    }

    [Fact]
    public async Task A_request_before_the_first_load_fails_with_the_reason()
    {
        using var client = new HttpClient(new CertificateHttpHandler(Holder, "client"));

        var failure = await Assert.ThrowsAsync<HttpRequestException>(() => client.GetAsync(new Uri("https://localhost:1")));

        Assert.IsType<CertificateNotLoadedException>(failure.InnerException);
        Assert.Equal(HttpRequestError.SecureConnectionError, failure.HttpRequestError);
        Assert.Contains("Certificate client was not loaded", failure.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_disposed_handler_sends_nothing()
    {
        Write(TestPair.Make());
        Start();
        var handler = new CertificateHttpHandler(Holder, "default");
        using var invoker = new HttpMessageInvoker(handler);
        handler.Dispose();
        handler.Dispose();

        using var request = new HttpRequestMessage(HttpMethod.Get, "https://localhost:1");
        await Assert.ThrowsAsync<ObjectDisposedException>(() => invoker.SendAsync(request, CancellationToken.None));
    }

    [Fact]
    public void The_connections_of_a_generation_are_closed_when_it_is_retired_and_its_last_request_has_ended()
    {
        var (generation, connections) = Generation();
        Assert.True(generation.TryEnter());
        Assert.True(generation.TryEnter());

        generation.Retire();
        generation.Retire();
        generation.Exit();
        Assert.True(generation.TryEnter());
        generation.Exit();
        Assert.False(connections.IsDisposed);

        generation.Exit();
        Assert.True(connections.IsDisposed);
        Assert.False(generation.TryEnter());
    }

    [Fact]
    public void A_generation_that_no_request_uses_is_closed_at_once()
    {
        var (generation, connections) = Generation();
        Assert.True(generation.TryEnter());
        generation.Exit();
        Assert.False(connections.IsDisposed);

        generation.Retire();

        Assert.True(connections.IsDisposed);
        Assert.False(generation.TryEnter());
    }

    [Fact]
    public async Task A_swap_is_reported_without_a_request_and_only_once()
    {
        var (generation, _) = Generation();
        var reports = 0;
        var reported = new TaskCompletionSource();
        generation.OnSuperseded(superseded =>
        {
            reports++;
            superseded.Retire();
            reported.SetResult();
        });
        Assert.True(generation.Snapshot.IsCurrent);

        Rotate(TestPair.Make());
        AdvancePastDebounce();
        await reported.Task.WaitAsync(TimeSpan.FromSeconds(60));

        Assert.Equal(1, reports);
        Assert.False(generation.Snapshot.IsCurrent);
        Assert.False(generation.TryEnter());
    }

    [Fact]
    public void A_swap_before_the_registration_is_reported_by_it()
    {
        var (generation, _) = Generation();
        Rotate(TestPair.Make());
        AdvancePastDebounce();
        using var reported = new ManualResetEventSlim();
        generation.OnSuperseded(_ => reported.Set());

        Assert.True(reported.Wait(TimeSpan.FromSeconds(60)));
    }

    [Fact]
    public void A_retired_generation_is_not_reported_any_more()
    {
        var (generation, _) = Generation();
        var reports = 0;
        using var last = new ManualResetEventSlim();
        Current.Superseded.UnsafeRegister(_ => last.Set(), state: null); // Callbacks run in the reverse order of their registration.
        generation.Retire();
        generation.OnSuperseded(_ => reports++);

        Rotate(TestPair.Make());
        AdvancePastDebounce();

        Assert.True(last.Wait(TimeSpan.FromSeconds(60)));
        Assert.Equal(0, reports);
    }

    [Fact]
    public void A_certificate_does_not_keep_a_retired_generation_alive()
    {
        var retired = Retired();

        GC.Collect();
        GC.WaitForPendingFinalizers();
        GC.Collect();

        Assert.False(retired.IsAlive);
        Assert.False(Current.Superseded.IsCancellationRequested);

        [MethodImpl(MethodImplOptions.NoInlining)]
        WeakReference Retired()
        {
            var (generation, _) = Generation();
            generation.OnSuperseded(superseded => superseded.Retire());
            generation.Retire();
            return new WeakReference(generation);
        }
    }

    private (HttpGeneration Generation, Connections Connections) Generation()
    {
        Write(TestPair.Make());
        Start();
        var connections = new Connections();
        return (new HttpGeneration(ClientSnapshot.Take(Holder, "default", bundle: null), resumesSessions: true, new HttpMessageInvoker(connections)), connections);
    }

    private sealed class Connections : HttpMessageHandler
    {
        public bool IsDisposed { get; private set; }

        protected override Task<HttpResponseMessage> SendAsync(HttpRequestMessage request, CancellationToken cancellationToken) =>
            Task.FromResult(new HttpResponseMessage(HttpStatusCode.OK));

        protected override void Dispose(bool disposing)
        {
            IsDisposed = true;
            base.Dispose(disposing);
        }
    }
}
