namespace CertActors.Holding;

/// <summary>A pair's place in the holder. Written by the pair's <c>ReloadActor</c> alone; read by all.</summary>
internal sealed class CertificateCell(CertificateHolder holder)
{
    private volatile ServingCertificate? _serving;
    private volatile CertificateReloadFailed? _lastFailure;

    public ServingCertificate? Serving => _serving;

    /// <summary>The pair's place in the options of the supervisor. Written by that alone, when it claims the holder.</summary>
    public int Place { get; set; }

    /// <summary>Why the last load failed; null when it was good.</summary>
    public CertificateReloadFailed? LastFailure
    {
        get => _lastFailure;
        set => _lastFailure = value;
    }

    public void Publish(ServingCertificate next)
    {
        _serving = next;
        holder.Published(this, next);
    }
}
