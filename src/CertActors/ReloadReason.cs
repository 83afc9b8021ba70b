namespace CertActors;

/// <summary>Why a pair or a trust bundle was loaded.</summary>
public enum ReloadReason
{
    /// <summary>The supervisor, or an actor that is responsible for the pair, started.</summary>
    Start,

    /// <summary>A file event touched the pair's path.</summary>
    FileChange,

    /// <summary>A poll found a change on the pair's path, or the pair is still rejected.</summary>
    Poll,

    /// <summary><see cref="ReloadNow"/> requested it.</summary>
    Requested,

    /// <summary>The last load had failed.</summary>
    Retry,

    /// <summary>The trust bundle of <see cref="CertificateOptions.MustChainTo"/> was swapped.</summary>
    TrustChange,
}
