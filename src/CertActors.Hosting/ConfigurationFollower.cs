using Akka.Actor;
using CertActors.Diagnostics;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;
using Microsoft.Extensions.Primitives;

namespace CertActors.Hosting;

/// <summary>Sends the supervisor what the options have whenever one of their sources has changed.</summary>
/// <remarks>
/// .NET takes a file of the configuration that is missing, as while it is replaced, for an empty one, and one that is damaged, too
/// (<c>FileConfigurationProvider</c>). What then remains may be all of a pair or trust bundle but what makes it strict, such as its revocation lists.
/// So what removes or changes a pair or bundle is looked at again when nothing has changed for a while, and applied if it still does.
/// </remarks>
internal sealed class ConfigurationFollower : IDisposable
{
    private readonly Lock _lock = new();
    private readonly IOptionsFactory<CertificatesOptions> _factory;
    private readonly ILogger _log;
    private readonly IDisposable[] _registrations;
    private readonly TimeSpan _secondLook;
    private readonly IActorRef _supervisor;
    private readonly TimeProvider _time;
    private readonly CancellationTokenSource _ended = new();

    // Below: of whoever has the lock.
    private CertificatesOptions _applied; // Or about to be.
    private CertificatesOptions _accepted; // By the supervisor.
    private CertificatesOptions? _pending; // Its identity is that of the wait.
    private ITimer? _wait;

    public ConfigurationFollower(
        IActorRef supervisor,
        CertificatesOptions started,
        IOptionsFactory<CertificatesOptions> factory,
        IEnumerable<IOptionsChangeTokenSource<CertificatesOptions>> sources,
        FollowerOptions follower,
        TimeProvider time,
        ILogger log)
    {
        (_supervisor, _factory, _secondLook, _time, _log) = (supervisor, factory, follower.SecondLook, time, new SafeLogger(log));
        _applied = _accepted = started.Validated();
        _registrations = [.. sources.Select(source => ChangeToken.OnChange(source.GetChangeToken, OnChanged))];

        // The sources may have changed since the supervisor was started with them.
        if (_registrations.Length > 0)
            OnChanged();
    }

    public void Dispose()
    {
        foreach (var registration in _registrations)
            registration.Dispose();
        lock (_lock)
        {
            EndWait();
            _ended.Cancel();
        }
    }

    private void OnChanged() => Look(waited: null);

    // Not by IOptionsMonitor, whose exception for invalid options would reach the provider of the configuration.
    private void Look(CertificatesOptions? waited)
    {
        // In turn, so that the supervisor gets the latest options last.
        lock (_lock)
        {
            // A callback may have waited for the lock meanwhile.
            if (_ended.IsCancellationRequested || (waited is not null && !ReferenceEquals(waited, _pending)))
                return;
            try
            {
                var options = _factory.Create(Options.DefaultName).Validated();
                var isPending = options == _pending;
                if (_secondLook == TimeSpan.Zero || IsAddition(options) || (isPending && waited is not null))
                    Apply(options);
                else if (!isPending)
                    Wait(options);
            }
            catch (Exception fault)
            {
                // Also one of a user's own Configure or PostConfigure.
                EndWait();
                _log.ConfigurationInvalid(Printable.Of(fault.Message));
            }
        }
    }

    // Options compare by value.
    private bool IsAddition(CertificatesOptions options) =>
        !_applied.Certificates.Except(options.Certificates).Any() && !_applied.TrustBundles.Except(options.TrustBundles).Any();

    private void Apply(CertificatesOptions options)
    {
        EndWait();
        _applied = options;
        _ = ReportAsync(options, _supervisor.Ask<UpdateCertificatesResult>(new UpdateCertificates(options), Timeout.InfiniteTimeSpan, _ended.Token));
    }

    private void Wait(CertificatesOptions options)
    {
        EndWait();
        _pending = options;
        _wait = _time.CreateTimer(_ => Look(options), state: null, _secondLook, Timeout.InfiniteTimeSpan);
    }

    private void EndWait()
    {
        _wait?.Dispose();
        (_wait, _pending) = (null, null);
    }

    private async Task ReportAsync(CertificatesOptions options, Task<UpdateCertificatesResult> asked)
    {
        await ((Task)asked).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        if (!asked.IsCompletedSuccessfully)
            return; // The follower has ended first.
        var result = asked.Result;
        var isAccepted = result.Errors.Count == 0;
        lock (_lock)
        {
            if (isAccepted)
                _accepted = options;
            else if (ReferenceEquals(_applied, options))
                _applied = _accepted;
        }

        if (!isAccepted)
            _log.ConfigurationInvalid(Printable.Of(string.Join("; ", result.Errors)));
        else if (result.Added.Count + result.Removed.Count + result.Changed.Count > 0)
            _log.ConfigurationApplied(Names(result.Added), Names(result.Removed), Names(result.Changed));

        static string Names(IReadOnlyList<string> names) => names.Count == 0 ? "none" : string.Join(", ", names);
    }
}
