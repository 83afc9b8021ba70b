using Akka.Actor;
using CertActors.Reloading;
using Microsoft.Extensions.Logging;

namespace CertActors.Supervision;

/// <summary>What a supervisor is made of, and what it must remember across its restarts: its <c>Props</c> carry it. The supervisor's only.</summary>
internal sealed class SupervisorState
{
    private readonly PairState[] _pairs;
    private readonly Dictionary<string, int> _places;

    public SupervisorState(CertificateHolder holder, CertificateSupervisorOptions options, Platform platform, ILoggerFactory? loggers)
    {
        Holder = holder;
        Options = options;
        Platform = platform;
        Loggers = loggers;
        _pairs = [.. options.Certificates.Select(pair => new PairState(pair, pair.ToWatchedFiles()))];
        _places = _pairs.Select((pair, place) => (pair.Name, place)).ToDictionary(StringComparer.Ordinal);
        ReloadActors = [.. _pairs.Select(_ => ReloadActor.PropsWithMemory(platform.Disk))];
    }

    public CertificateHolder Holder { get; }

    public CertificateSupervisorOptions Options { get; }

    public Platform Platform { get; }

    public ILoggerFactory? Loggers { get; }

    /// <summary>In the order of the options.</summary>
    public IReadOnlyList<PairState> Pairs => _pairs;

    /// <summary>How to start each pair's <see cref="ReloadActor"/>, in the same order.</summary>
    public IReadOnlyList<Func<IReloadable, ILogger, Props>> ReloadActors { get; }

    public HashSet<IActorRef> Subscribers { get; } = [];

    public ReloadRequests Requests { get; } = new();

    /// <summary>Completes when the supervisor owns the holder and has started its children, or fails with the reason why it could not.</summary>
    public TaskCompletionSource Started { get; } = new(TaskCreationOptions.RunContinuationsAsynchronously);

    public PairState Find(string name) => _pairs[_places[name]];

    /// <summary>Puts what is known of a pair now in the place of what was known.</summary>
    public void Replace(PairState pair) => _pairs[_places[pair.Name]] = pair;
}
