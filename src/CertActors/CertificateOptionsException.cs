namespace CertActors;

/// <summary>The options of a supervisor, or of an endpoint, are invalid.</summary>
public sealed class CertificateOptionsException : Exception
{
    /// <summary>Lists what is wrong.</summary>
    /// <param name="errors">Every error, each with the value that is wrong and the values that are allowed.</param>
    public CertificateOptionsException(IReadOnlyList<string> errors)
        : base("The certificate options are invalid: " + string.Join("; ", errors) + ".")
    {
        Errors = errors;
    }

    /// <summary>Every error, each with the value that is wrong and the values that are allowed.</summary>
    public IReadOnlyList<string> Errors { get; }
}
