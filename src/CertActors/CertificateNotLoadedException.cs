namespace CertActors;

/// <summary>No certificate was served yet when one was needed.</summary>
public sealed class CertificateNotLoadedException : Exception
{
    internal CertificateNotLoadedException(CertificateReloadFailed? failure)
        : base(failure is null
            ? "No certificate was loaded in time, and no load has failed: is the certificate supervisor running?"
            : $"No certificate was loaded: {failure.Message}")
    {
        Failure = failure;
    }

    /// <summary>Why the last load failed; null if none has failed, as when no supervisor runs.</summary>
    public CertificateReloadFailed? Failure { get; }
}
