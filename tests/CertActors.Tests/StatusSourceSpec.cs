using CertActors.AspNetCore.Page;
using Microsoft.Extensions.Time.Testing;

namespace CertActors.Tests;

/// <summary>How often the pages that are open ask the supervisor.</summary>
public sealed class StatusSourceSpec
{
    [Fact]
    public async Task Pages_that_ask_within_half_a_second_share_a_status()
    {
        var (certificates, time) = (new CountingCertificates(), new FakeTimeProvider());
        var source = new StatusSource(certificates, time);

        Assert.Same(await source.GetSharedBodyAsync(CancellationToken.None), await source.GetSharedBodyAsync(CancellationToken.None));
        time.Advance(TimeSpan.FromSeconds(0.4));
        await source.GetSharedBodyAsync(CancellationToken.None);
        Assert.Equal(1, certificates.Asked);

        time.Advance(TimeSpan.FromSeconds(0.1));
        await source.GetSharedBodyAsync(CancellationToken.None);
        Assert.Equal(2, certificates.Asked);
    }

    [Fact]
    public async Task A_supervisor_that_has_not_answered_is_not_asked_again()
    {
        var (certificates, time) = (new CountingCertificates { Answer = new TaskCompletionSource<CertificateSupervisorStatus>() }, new FakeTimeProvider());
        var source = new StatusSource(certificates, time);
        var first = source.GetSharedBodyAsync(CancellationToken.None);
        time.Advance(TimeSpan.FromSeconds(3));
        var second = source.GetSharedBodyAsync(CancellationToken.None);

        certificates.Answer.SetResult(CountingCertificates.Empty);

        Assert.Same(await first, await second);
        Assert.Equal(1, certificates.Asked);
    }

    [Fact]
    public async Task A_page_that_is_closed_takes_no_status_from_the_others()
    {
        var certificates = new CountingCertificates { Answer = new TaskCompletionSource<CertificateSupervisorStatus>() };
        var source = new StatusSource(certificates, new FakeTimeProvider());
        using var closed = new CancellationTokenSource();
        var ofClosed = source.GetSharedBodyAsync(closed.Token);
        var ofOther = source.GetSharedBodyAsync(CancellationToken.None);

        await closed.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => ofClosed);
        certificates.Answer.SetResult(CountingCertificates.Empty);

        Assert.NotNull(await ofOther);
    }

    private sealed class CountingCertificates : ICertificates
    {
        public static CertificateSupervisorStatus Empty { get; } = new() { Certificates = [] };

        public int Asked { get; private set; }

        public TaskCompletionSource<CertificateSupervisorStatus>? Answer { get; init; }

        public Task<CertificateSupervisorStatus> GetStatusAsync(CancellationToken cancellationToken = default)
        {
            Asked++;
            return Answer?.Task.WaitAsync(cancellationToken) ?? Task.FromResult(Empty);
        }

        public Task<ReloadNowResult> ReloadAsync(string? name = null, CancellationToken cancellationToken = default) => throw new NotSupportedException();
    }
}
