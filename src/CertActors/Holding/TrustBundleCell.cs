using CertActors.Verifying;

namespace CertActors.Holding;

/// <summary>
/// A trust bundle's place in the holder, for as long as one supervisor owns it. Written by the bundle's <c>ReloadActor</c> only; read by any thread.
/// </summary>
/// <param name="holder">The holder.</param>
/// <param name="name">The bundle's name.</param>
/// <param name="last">The bundle's cell until now, whose bundle is served on; null for one that the holder has never had.</param>
internal sealed class TrustBundleCell(CertificateHolder holder, string name, TrustBundleCell? last)
{
    private volatile TrustBundle? _serving = last?.Serving;
    private volatile TrustBundleReloadFailed? _lastFailure = last?.LastFailure;
    private volatile bool _isInFirstLoad = last?.Serving is null;

    public string Name => name;

    public TrustBundle? Serving => _serving;

    /// <summary>Why the last load failed; null if it was good.</summary>
    public TrustBundleReloadFailed? LastFailure
    {
        get => _lastFailure;
        set => _lastFailure = value;
    }

    /// <summary>Whether handshakes wait for the bundle: nothing of it is served, and no load was judged.</summary>
    public bool IsInFirstLoad => _isInFirstLoad;

    /// <summary>What peers have sent, for all bundles and generations: a session that began at one endpoint may be resumed at another.</summary>
    public IntermediateMemory Intermediates => holder.Intermediates;

    /// <summary>The peers that were refused, by all generations.</summary>
    public PeerRefusals Refusals { get; } = last?.Refusals ?? new(holder, name);

    /// <summary>The peers that were accepted, by all generations.</summary>
    public PeerAcceptances Acceptances { get; } = last?.Acceptances ?? new();

    public void Publish(TrustBundle next)
    {
        var previous = _serving;
        Acceptances.Follow(next.Authorities, next.Announcement.At);
        _serving = next;
        previous?.Supersession.Supersede();
        EndFirstLoad();
    }

    /// <inheritdoc cref="CertificateCell.EndFirstLoad"/>
    public void EndFirstLoad()
    {
        _isInFirstLoad = false;
        holder.WakeWaiters(this);
    }
}
