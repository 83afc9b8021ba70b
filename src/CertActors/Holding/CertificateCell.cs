using CertActors.Diagnostics;

namespace CertActors.Holding;

/// <summary>
/// A pair's place in the holder, for as long as one supervisor owns it. Written by the pair's <c>ReloadActor</c> only; read by any thread.
/// </summary>
/// <param name="holder">The holder.</param>
/// <param name="place">The pair's place in the options of the supervisor.</param>
/// <param name="options">The pair's options.</param>
/// <param name="last">The pair's cell until now, whose certificate is served on; null for a pair that the holder has never had.</param>
internal sealed class CertificateCell(CertificateHolder holder, int place, CertificateOptions options, CertificateCell? last)
{
    private volatile ServingCertificate? _serving = last?.Serving;
    private volatile CertificateReloadFailed? _lastFailure = last?.LastFailure;
    private volatile bool _isInFirstLoad = last?.Serving is null;
    private volatile IReadOnlyList<GenerationUse> _superseded = last?.Superseded ?? [];

    public CertificateHolder Holder => holder;

    public int Place => place;

    public string Name => options.Name;

    public bool IsDefault => options.IsDefault;

    /// <summary>Whether the pair is for servers: only then do its server names, and the default, lead to it.</summary>
    public bool IsForServers => options.IsForServers;

    /// <summary>The names that the pair has by its options; empty if it has those of its leaf.</summary>
    public IReadOnlyList<string> ServerNames => (OptionList<string>)options.ServerNames;

    public ServingCertificate? Serving => _serving;

    /// <summary>Why the last load failed; null if it was good.</summary>
    public CertificateReloadFailed? LastFailure
    {
        get => _lastFailure;
        set => _lastFailure = value;
    }

    /// <summary>Whether clients wait for the pair: nothing of it is served, and no load was judged.</summary>
    public bool IsInFirstLoad => _isInFirstLoad;

    /// <summary>The superseded generations, in their order: those that are not over, and some that are. Empty while no connections are counted.</summary>
    public IReadOnlyList<GenerationUse> Superseded => _superseded;

    public void Publish(ServingCertificate next)
    {
        var previous = _serving;
        holder.Publish(this, next);
        _serving = next;
        holder.PublishDefault(this);
        if (previous is not null)
        {
            previous.Use.Supersede(next.Announcement.At);
            if (holder.CountsConnections)
                _superseded = [.. _superseded.Where(generation => !generation.IsOver), previous.Use];
        }

        EndFirstLoad();
        holder.WakeWaiters(this);
    }

    /// <summary>Lets nobody wait for the pair any more, as its first load was judged, or its actor has stopped.</summary>
    public void EndFirstLoad()
    {
        if (!_isInFirstLoad)
            return;
        _isInFirstLoad = false;
        holder.EndFirstLoad(this);
    }
}
