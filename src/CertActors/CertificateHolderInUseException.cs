namespace CertActors;

/// <summary>A supervisor was started on a holder that another running supervisor owns.</summary>
public sealed class CertificateHolderInUseException : Exception
{
    internal CertificateHolderInUseException(string refused, string owner)
        : base($"The supervisor {refused} can't take the certificate holder: {owner} owns it. Stop that one first, or give each supervisor a holder of its own.")
    {
        Owner = owner;
    }

    /// <summary>The path of the supervisor that owns the holder.</summary>
    public string Owner { get; }
}
