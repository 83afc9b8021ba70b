namespace CertActors;

/// <summary>No certificate has been loaded in time for the first handshakes.</summary>
public sealed class CertificateNotLoadedException : Exception
{
    internal CertificateNotLoadedException(CertificateReloadFailed? failure)
        : base(failure is null
            ? "No certificate was loaded in time, and no load has failed: is the certificate supervisor running?"
            : $"No certificate was loaded: {failure.Message}")
    {
        Failure = failure;
    }

    /// <summary>Why the last load failed; null if none has failed, for example because no supervisor runs.</summary>
    public CertificateReloadFailed? Failure { get; }
}
