using CertActors.Diagnostics;

namespace CertActors.Holding;

/// <summary>
/// A pair's place in the holder, for as long as one supervisor owns it. Written by the pair's <c>ReloadActor</c> only; read by any thread.
/// </summary>
/// <remarks>
/// <see cref="EndFirstLoad"/> alone has several writers: the actor, and the supervisor where the actor has failed, the pair is removed or the holder is
/// given back, which may be while the actor still runs. Whoever is first ends it, and it never begins again.
/// </remarks>
internal sealed class CertificateCell
{
    private readonly CertificateHolder _holder;
    private readonly CertificateOptions _options;

    // The keys of the names that led to the certificate until now; null if none did, as the pair was not for servers, or if the options accept it.
    private readonly IReadOnlySet<string>? _lastKeys;
    private volatile ServingCertificate? _serving;
    private volatile CertificateReloadFailed? _lastFailure;
    private volatile bool _isAccepted;
    private volatile bool _isInFirstLoad;
    private volatile IReadOnlyList<GenerationUse> _superseded;

    /// <param name="holder">The holder.</param>
    /// <param name="place">The pair's place in the options of the supervisor.</param>
    /// <param name="options">The pair's options.</param>
    /// <param name="last">The pair's cell until now, whose certificate is served on; null for a pair that the holder has never had.</param>
    public CertificateCell(CertificateHolder holder, int place, CertificateOptions options, CertificateCell? last)
    {
        (_holder, Place, _options) = (holder, place, options);
        (_serving, _lastFailure, _superseded) = (last?._serving, last?._lastFailure, last?._superseded ?? []);
        _isAccepted = last is null || _serving is null || (last._isAccepted && options.JudgeAs(last._options));
        if (!_isAccepted && last!.IsForServers)
            _lastKeys = last._isAccepted ? ServerName.KeysOf(last.Names ?? []) : last._lastKeys;
        _isInFirstLoad = _serving is null || (!_isAccepted && ServerName.KeysOf(Names ?? []).Any(key => CertificateFor(key) is null));
    }

    public CertificateHolder Holder => _holder;

    /// <summary>The pair's place among those of the owner. Changed under the lock of the <see cref="NameIndex"/>, by the supervisor.</summary>
    public int Place { get; set; }

    public string Name => _options.Name;

    /// <summary>Whether the pair is for servers: only then do its server names, and the default, lead to it.</summary>
    public bool IsForServers => _options.IsForServers;

    /// <summary>The names that the pair has by its options; empty if it has those of its leaf.</summary>
    public IReadOnlyList<string> ServerNames => (OptionList<string>)_options.ServerNames;

    /// <summary>The server names of the options, otherwise of the leaf; null if they are not known yet.</summary>
    public IReadOnlyList<string>? Names => ServerNames.Count > 0 ? ServerNames : Serving?.Facts.DnsNames;

    public ServingCertificate? Serving => _serving;

    /// <summary>
    /// What is served as the default; null if the pair is not for servers, or was not until now and its options have not accepted the certificate yet.
    /// </summary>
    public ServingCertificate? Default => IsForServers && (_isAccepted || _lastKeys is not null) ? _serving : null;

    /// <summary>
    /// Whether the options accept what is served, as far as that is known. If they judge otherwise than those until now, a load shows it, and until then
    /// no name leads to the certificate that did not before.
    /// </summary>
    public bool IsAccepted => _isAccepted;

    /// <summary>Why the last load failed; null if it was good.</summary>
    public CertificateReloadFailed? LastFailure
    {
        get => _lastFailure;
        set => _lastFailure = value;
    }

    /// <summary>
    /// Whether clients wait for the pair: nothing of it is served, or the options have not accepted it for one of its names, and no load was judged.
    /// </summary>
    public bool IsInFirstLoad => _isInFirstLoad;

    /// <summary>The superseded generations, in their order: those that are not over, and some that are. Empty while no connections are counted.</summary>
    public IReadOnlyList<GenerationUse> Superseded => _superseded;

    /// <summary>The certificate that a server name of the pair leads to; null if there is none, or only names until now may lead to it.</summary>
    /// <param name="key">See <see cref="ServerName"/>.</param>
    public ServingCertificate? CertificateFor(string key) => _isAccepted || _lastKeys?.Contains(key) == true ? _serving : null;

    public void Publish(ServingCertificate next)
    {
        var previous = _serving;
        _holder.Publish(this, next);
        _serving = next;
        _isAccepted = true;
        _holder.PublishDefault(this, previous);
        if (previous is not null && _holder.CountsConnections)
            _superseded = [.. _superseded.Where(generation => !generation.IsOver), previous.Use];

        EndFirstLoad();
        _holder.WakeWaiters(this);
    }

    /// <summary>The options accept what is served: each name of the pair leads to it from now on.</summary>
    public void Accept()
    {
        _lastFailure = null;
        if (_isAccepted)
            return;
        _holder.Publish(this, _serving!);
        _isAccepted = true;
        _holder.PublishDefault(this);
        EndFirstLoad();
        _holder.WakeWaiters(this);
    }

    /// <summary>Lets nobody wait for the pair any more, as its first load was judged or given up, or its actor has stopped.</summary>
    public void EndFirstLoad()
    {
        if (Interlocked.Exchange(ref _isInFirstLoad, false))
            _holder.EndFirstLoad(this);
    }
}
