namespace CertActors;

/// <summary>What one <see cref="CertificateSupervisor"/> looks after.</summary>
public sealed record CertificateSupervisorOptions
{
    /// <summary>
    /// The pairs, at least one, each with a name of its own. The first is the default: what <see cref="CertificateHolder.Current"/>
    /// is, and what a client gets that names no server or one that no pair covers.
    /// </summary>
    public required IReadOnlyList<CertificateOptions> Certificates { get; init; }

    /// <summary>
    /// Whether the supervisor stops itself when the first load of a pair that was never served fails, so that waiters of
    /// <see cref="CertificateHolder.WaitForFirstAsync"/> get the failure at once. Default false: the failure is published, and the load tried again.
    /// </summary>
    public bool StopOnFailedFirstLoad { get; init; }

    /// <summary>The same options with full paths, once they are known to be right.</summary>
    /// <exception cref="CertificateOptionsException">Something is wrong; all of it is named.</exception>
    internal CertificateSupervisorOptions Checked()
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

        // Actor names are compared as they are written, but pairs that differ in case only would be told apart by nobody who reads them.
        var twice = Certificates
            .GroupBy(pair => pair.Name, StringComparer.OrdinalIgnoreCase)
            .Where(same => same.Count() > 1)
            .Select(same => $"the name '{same.Key}' is given to {same.Count()} pairs; give each a name of its own");
        return Certificates.SelectMany(pair => pair.Errors()).Concat(twice);
    }
}
