namespace CertActors;

/// <summary>The options of a supervisor can't be used.</summary>
public sealed class CertificateOptionsException : Exception
{
    internal CertificateOptionsException(IReadOnlyList<string> errors)
        : base("The certificate options can't be used: " + string.Join("; ", errors) + ".")
    {
        Errors = errors;
    }

    /// <summary>Every error that was found, each with what is wrong and what would be right.</summary>
    public IReadOnlyList<string> Errors { get; }
}
