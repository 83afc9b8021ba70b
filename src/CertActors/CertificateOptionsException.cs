namespace CertActors;

/// <summary>The options of a supervisor are invalid.</summary>
public sealed class CertificateOptionsException : Exception
{
    internal CertificateOptionsException(IReadOnlyList<string> errors)
        : base("The certificate options are invalid: " + string.Join("; ", errors) + ".")
    {
        Errors = errors;
    }

    /// <summary>Every error, each with the value that is wrong and the values that are allowed.</summary>
    public IReadOnlyList<string> Errors { get; }
}
