using Akka.Actor;
using CertActors.Holding;
using CertActors.Reloading;
using CertActors.Watching;
using Microsoft.Extensions.Logging;

namespace CertActors;

/// <summary>What must survive a restart of the supervisor: its <c>Props</c> carry it.</summary>
internal sealed class CertificateRegistry(
    CertificateHolder holder, CertificateSupervisorOptions options, Platform platform, ILoggerFactory? loggers)
{
    public CertificateHolder Holder { get; } = holder;

    public IReadOnlyList<Pair> Pairs { get; } = [.. options.Certificates.Select(pair => new Pair(pair))];

    public bool StopOnFailedFirstLoad { get; } = options.StopOnFailedFirstLoad;

    public Platform Platform { get; } = platform;

    public ILoggerFactory? Loggers { get; } = loggers;

    /// <summary>Touched by the supervisor alone.</summary>
    public HashSet<IActorRef> Subscribers { get; } = [];

    /// <summary>Ends when the supervisor owns the holder, or fails with the reason why it doesn't.</summary>
    public TaskCompletionSource Started { get; } = new(TaskCreationOptions.RunContinuationsAsynchronously);

    public Pair Find(string name) => Pairs.First(pair => pair.Name == name);
}

/// <summary>A pair, and what is known of it.</summary>
internal sealed class Pair(CertificateOptions options)
{
    private volatile LoadAttempt? _attempt;

    public CertificateOptions Options { get; } = options;

    public string Name => Options.Name;

    /// <summary>Its place in the holder, once that is the supervisor's.</summary>
    public CertificateCell Cell { get; set; } = null!;

    /// <summary>The last load that was started. Written by the pair's <see cref="ReloadActor"/> alone.</summary>
    public LoadAttempt? Attempt
    {
        get => _attempt;
        set => _attempt = value;
    }

    /// <summary>What subscribers were told last. The supervisor's alone.</summary>
    public CertificateChanged? LastChange { get; set; }

    /// <summary>The failure that stands, and the state of the files that it is about. The supervisor's alone.</summary>
    public (CertificateReloadFailed Told, PairSnapshot? Seen)? Failing { get; set; }

    /// <summary>The mode that was told last. The supervisor's alone.</summary>
    public WatchModeChanged? Watching { get; set; }
}
