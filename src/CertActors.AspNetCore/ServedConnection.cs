namespace CertActors.AspNetCore;

/// <summary>A connection of an endpoint, from its first byte to its end. The features of the connection hold it.</summary>
internal sealed class ServedConnection
{
    private IDisposable? _counted;

    /// <summary>Whether its ClientHello was read, so that a later failure isn't counted as a missing one.</summary>
    public bool HasClientHello { get; set; }

    /// <summary>The certificate of its handshake; null until it is selected.</summary>
    public ServingCertificate? Certificate { get; private set; }

    /// <summary>Null where the endpoint isn't drained.</summary>
    public DrainedConnection? Drained { get; set; }

    /// <summary>Counts it as a connection of the generation. The handshake may still fail.</summary>
    public void Begin(ServingCertificate certificate)
    {
        Certificate = certificate;
        _counted = certificate.BeginConnection();
    }

    public void End()
    {
        Drained?.Leave();
        _counted?.Dispose();
    }
}
