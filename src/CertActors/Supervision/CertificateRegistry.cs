using Akka.Actor;
using CertActors.Disk;
using CertActors.Holding;
using CertActors.Reloading;
using Microsoft.Extensions.Logging;

namespace CertActors.Supervision;

/// <summary>What must survive a restart of the supervisor: its <c>Props</c> carry it.</summary>
internal sealed class CertificateRegistry(
    CertificateHolder holder, CertificateSupervisorOptions options, Platform platform, ILoggerFactory? loggers)
{
    public CertificateHolder Holder { get; } = holder;

    private readonly OrderedDictionary<string, Pair> _pairs = new(
        options.Certificates.Select(pair => KeyValuePair.Create(pair.Name, new Pair(pair))), StringComparer.Ordinal);

    /// <summary>In the order of the options.</summary>
    public IReadOnlyList<Pair> Pairs => _pairs.Values;

    public bool StopOnFailedFirstLoad { get; } = options.StopOnFailedFirstLoad;

    public Platform Platform { get; } = platform;

    public ILoggerFactory? Loggers { get; } = loggers;

    /// <summary>Touched by the supervisor alone.</summary>
    public HashSet<IActorRef> Subscribers { get; } = [];

    /// <summary>By number. Touched by the supervisor alone.</summary>
    public Dictionary<long, OpenRequest> Requests { get; } = [];

    /// <summary>The number of the last request; none is given twice, as answers to the last incarnation's may still come.</summary>
    public long LastRequest { get; set; }

    /// <summary>Ends when the supervisor owns the holder, or fails with the reason why it doesn't.</summary>
    public TaskCompletionSource Started { get; } = new(TaskCreationOptions.RunContinuationsAsynchronously);

    public Pair Find(string name) => _pairs[name];
}

/// <summary>A <see cref="ReloadNow"/> that isn't answered yet.</summary>
internal sealed record OpenRequest(IActorRef Asker, HashSet<string> Waiting, List<ReloadOutcome> Outcomes);

/// <summary>A pair, and what is known of it.</summary>
internal sealed class Pair(CertificateOptions options)
{
    private long _expiryDue = DateTimeOffset.MaxValue.UtcTicks;
    private volatile Devices _devices = Devices.None;

    public CertificateOptions Options { get; } = options;

    public string Name => Options.Name;

    /// <summary>Its place in the holder, once that is the supervisor's.</summary>
    public CertificateCell Cell { get; set; } = null!;

    /// <summary>The devices that the way to it was last known to lead over.</summary>
    public Devices Devices
    {
        get => _devices;
        set => _devices = value;
    }

    /// <summary>The <see cref="ReloadActor"/>'s alone.</summary>
    public ReloadState Reloading { get; } = new();

    /// <summary>The supervisor's alone.</summary>
    public bool IsLoadStuck { get; set; }

    /// <summary>What subscribers were told last. The supervisor's alone.</summary>
    public CertificateChanged? LastChange { get; set; }

    /// <summary>The failure that stands. The supervisor's alone.</summary>
    public CertificateReloadFailed? CurrentFailure { get; set; }

    /// <summary>What subscribers were told of the end of a generation, and for which threshold. The supervisor's alone.</summary>
    public (CertificateExpiring Told, TimeSpan Threshold)? Expiring { get; set; }

    /// <summary>When the end of what is served is to be looked at again. Written by the supervisor alone.</summary>
    public DateTimeOffset ExpiryDue
    {
        get => new(Interlocked.Read(ref _expiryDue), TimeSpan.Zero);
        set => Interlocked.Exchange(ref _expiryDue, value.UtcTicks);
    }

    /// <summary>The supervisor's alone.</summary>
    public LoadCounts Loads { get; set; } = new(0, 0, 0);

    /// <summary>The mode that was told last. The supervisor's alone.</summary>
    public WatchModeChanged? Watching { get; set; }
}
