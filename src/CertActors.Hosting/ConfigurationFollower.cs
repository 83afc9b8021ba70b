using Akka.Actor;
using CertActors.Diagnostics;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;
using Microsoft.Extensions.Primitives;

namespace CertActors.Hosting;

/// <summary>Sends the supervisor what the options have whenever one of their sources has changed.</summary>
internal sealed class ConfigurationFollower : IDisposable
{
    private readonly Lock _lock = new();
    private readonly IOptionsFactory<CertificatesOptions> _factory;
    private readonly ILogger _log;
    private readonly IDisposable[] _registrations;
    private readonly IActorRef _supervisor;

    public ConfigurationFollower(
        IActorRef supervisor, IOptionsFactory<CertificatesOptions> factory, IEnumerable<IOptionsChangeTokenSource<CertificatesOptions>> sources, ILogger log)
    {
        (_supervisor, _factory, _log) = (supervisor, factory, log);
        _registrations = [.. sources.Select(source => ChangeToken.OnChange(source.GetChangeToken, OnChanged))];

        // The sources may have changed since the supervisor was started with them.
        if (_registrations.Length > 0)
            OnChanged();
    }

    public void Dispose()
    {
        foreach (var registration in _registrations)
            registration.Dispose();
    }

    // Not by IOptionsMonitor, whose exception for invalid options would reach the provider of the configuration.
    private void OnChanged()
    {
        // In turn, so that the supervisor gets the latest options last.
        lock (_lock)
        {
            try
            {
                var update = new UpdateCertificates(_factory.Create(Options.DefaultName));
                _ = ReportAsync(_supervisor.Ask<UpdateCertificatesResult>(update, Timeout.InfiniteTimeSpan));
            }
            catch (Exception fault)
            {
                // Also one of a user's own Configure or PostConfigure.
                _log.ConfigurationInvalid(Printable.Of(fault.Message));
            }
        }
    }

    private async Task ReportAsync(Task<UpdateCertificatesResult> applied)
    {
        var result = await applied.ConfigureAwait(false);
        if (result.Errors.Count > 0)
            _log.ConfigurationInvalid(Printable.Of(string.Join("; ", result.Errors)));
        else if (result.Added.Count + result.Removed.Count + result.Changed.Count > 0)
            _log.ConfigurationApplied(Names(result.Added), Names(result.Removed), Names(result.Changed));

        static string Names(IReadOnlyList<string> names) => names.Count == 0 ? "none" : string.Join(", ", names);
    }
}
