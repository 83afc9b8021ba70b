using Akka.Actor;
using Akka.Hosting;
using CertActors.Diagnostics;
using Microsoft.Extensions.Diagnostics.HealthChecks;

namespace CertActors.Hosting;

/// <summary>Asks the supervisor what it serves, and reports what is wrong with it.</summary>
internal sealed class CertificateHealthCheck(CertificateHealthOptions options) : IAkkaHealthCheck
{
    private static readonly TimeSpan AnswerLimit = TimeSpan.FromSeconds(5);

    // Health is often open to everyone.
    private readonly SharedAnswer<CertificateSupervisorStatus> _status = new(maxAge: TimeSpan.FromSeconds(0.5));

    public async Task<HealthCheckResult> CheckHealthAsync(AkkaHealthCheckContext context, CancellationToken cancellationToken = default)
    {
        var failureStatus = context.Registration?.FailureStatus ?? HealthStatus.Unhealthy;
        if (!context.ActorRegistry.TryGet<CertificateSupervisor>(out var supervisor))
            return new HealthCheckResult(failureStatus, $"The certificate supervisor has not started: is {nameof(CertificateHostingExtensions.WithCertificates)} called?");

        try
        {
            var scheduler = context.ActorSystem.Scheduler;
            var status = await _status.GetAsync(() => AskAsync(supervisor), scheduler.Now, cancellationToken).ConfigureAwait(false);
            return ResultOf(CertificateHealth.IssuesOf(status, scheduler.Now, options), failureStatus);
        }
        catch (InvalidOperationException stopped)
        {
            return new HealthCheckResult(failureStatus, stopped.Message);
        }
        catch (OperationCanceledException) when (!cancellationToken.IsCancellationRequested)
        {
            return new HealthCheckResult(failureStatus, $"The certificate supervisor did not answer within {AnswerLimit.TotalSeconds} s.");
        }
    }

    private static async Task<CertificateSupervisorStatus> AskAsync(IActorRef supervisor)
    {
        using var limit = new CancellationTokenSource(AnswerLimit);
        return await new CertificatesClient(supervisor).GetStatusAsync(limit.Token).ConfigureAwait(false);
    }

    internal static HealthCheckResult ResultOf(IReadOnlyList<CertificateHealthIssue> issues, HealthStatus failureStatus)
    {
        if (issues.Count == 0)
            return HealthCheckResult.Healthy("Every certificate and trust bundle is served.");
        var status = issues.Any(issue => issue.Reason == CertificateHealthReason.NotServed) ? failureStatus : HealthStatus.Degraded;
        var data = issues.ToDictionary(issue => $"{issue.Name}: {issue.Reason}", issue => (object)issue, StringComparer.Ordinal);
        return new HealthCheckResult(status, string.Join(' ', issues.Select(issue => $"{issue.Name}: {issue.Message}")), exception: null, data);
    }
}
