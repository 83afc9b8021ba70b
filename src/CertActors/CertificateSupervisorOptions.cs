using CertActors.Diagnostics;

namespace CertActors;

/// <summary>The pairs of one <see cref="CertificateSupervisor"/>, and what applies to all of them.</summary>
public sealed record CertificateSupervisorOptions
{
    /// <summary>
    /// The pairs: at least one, each with a name of its own. The first is the default: it is <see cref="CertificateHolder.Current"/>, and it is
    /// served to clients that name no server, or one that no pair covers.
    /// </summary>
    public required IReadOnlyList<CertificateOptions> Certificates
    {
        get;
        init => field = ValueList.Of(value);
    }

    /// <summary>
    /// Whether the supervisor stops itself when a load fails of a pair that has never been served, so that waiters of
    /// <see cref="CertificateHolder.WaitForFirstAsync"/> get the failure at once. Default false: the failure is reported, and the load is tried again.
    /// </summary>
    public bool StopOnFailedFirstLoad { get; init; }

    /// <summary>Validates the options. <see cref="CertificateSupervisor"/> does it, too; call it to fail earlier.</summary>
    /// <returns>The options with full paths: relative ones are resolved against the working directory.</returns>
    /// <exception cref="CertificateOptionsException">The options are invalid; every error is listed.</exception>
    public CertificateSupervisorOptions Validated()
    {
        var errors = Errors().ToArray();
        if (errors.Length > 0)
            throw new CertificateOptionsException(errors);
        return this with { Certificates = [.. Certificates.Select(pair => pair.WithFullPaths())] };
    }

    private IEnumerable<string> Errors()
    {
        if (Certificates is not { Count: > 0 } || Certificates.Any(pair => pair is null))
            return [$"{nameof(Certificates)} must hold at least one pair, and no null"];

        // Actor names are case-sensitive, but people would mix up pairs whose names differ in case only.
        var twice = Certificates
            .GroupBy(pair => pair.Name, StringComparer.OrdinalIgnoreCase)
            .Where(same => same.Count() > 1)
            .Select(same => $"the name '{same.Key}' is given to {same.Count()} pairs; give each a name of its own");
        return Certificates.SelectMany(pair => pair.Errors()).Concat(twice);
    }
}
