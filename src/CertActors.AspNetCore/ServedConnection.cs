namespace CertActors.AspNetCore;

/// <summary>A connection of an endpoint, from its first byte to its end. The features of the connection hold it.</summary>
internal sealed class ServedConnection
{
    private IDisposable? _counted;

    /// <summary>Whether its ClientHello was read, so that a later failure isn't counted as a missing one.</summary>
    public bool HasClientHello { get; set; }

    /// <summary>The certificate of its handshake; null until it is selected.</summary>
    public ServingCertificate? Certificate { get; private set; }

    /// <summary>The name of the trust bundle that the client is verified against; null if it is asked for no certificate.</summary>
    public string? TrustBundle { get; private set; }

    /// <summary>The generation of <see cref="TrustBundle"/> in the handshake. The bundle itself would live as long as the connection.</summary>
    public long TrustGeneration { get; private set; }

    /// <summary>Null where the endpoint isn't drained.</summary>
    public DrainedConnection? Drained { get; set; }

    /// <summary>Counts it as a connection of the generation. The handshake may still fail.</summary>
    public void Begin(ServerIdentity identity)
    {
        Certificate = identity.Certificate;
        TrustBundle = identity.TrustBundle?.Name;
        TrustGeneration = identity.TrustBundle?.Generation ?? 0;
        _counted = identity.Certificate.BeginConnection();
    }

    public void End()
    {
        Drained?.Leave();
        _counted?.Dispose();
    }
}
