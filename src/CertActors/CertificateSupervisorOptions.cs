using CertActors.Diagnostics;

namespace CertActors;

/// <summary>The pairs and trust bundles of one <see cref="CertificateSupervisor"/>, and what applies to all of them.</summary>
public sealed record CertificateSupervisorOptions
{
    /// <summary>
    /// The pairs: at least one, each with a name of its own. The one with <see cref="CertificateOptions.IsDefault"/>, otherwise the first that is for
    /// servers, is the default: it is <see cref="CertificateHolder.Current"/>, and it is served to clients that send no server name, or one that no
    /// pair has. If several pairs have a name, the first of them answers to it, and a warning names both.
    /// </summary>
    public required IReadOnlyList<CertificateOptions> Certificates
    {
        get;
        init => field = ValueList.Of(value);
    }

    /// <summary>The trust bundles, each with a name that no pair and no other bundle has. Default: none.</summary>
    public IReadOnlyList<TrustBundleOptions> TrustBundles
    {
        get;
        init => field = ValueList.Of(value);
    } = ValueList.Of<TrustBundleOptions>([]);

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
        return this with
        {
            Certificates = [.. Certificates.Select(pair => pair.WithFullPaths())],
            TrustBundles = [.. TrustBundles.Select(bundle => bundle.WithFullPaths())],
        };
    }

    private IEnumerable<string> Errors()
    {
        if (Certificates is not { Count: > 0 } || Certificates.Any(pair => pair is null))
            return [$"{nameof(Certificates)} must hold at least one pair, and no null"];

        if (TrustBundles is null || TrustBundles.Any(bundle => bundle is null))
            return [$"{nameof(TrustBundles)} must not be null, nor hold a null"];

        // Actor names are case-sensitive, but people would mix up names that differ in case only.
        var twice = Certificates.Select(pair => pair.Name).Concat(TrustBundles.Select(bundle => bundle.Name))
            .GroupBy(name => name, StringComparer.OrdinalIgnoreCase)
            .Where(same => same.Count() > 1)
            .Select(same => $"the name '{same.Key}' is given to {same.Count()} pairs or trust bundles; give each a name of its own");
        var unknown = Certificates
            .Where(pair => pair.MustChainTo is { } name && TrustBundles.All(bundle => bundle.Name != name))
            .Select(pair => $"pair '{pair.Name}': {nameof(CertificateOptions.MustChainTo)} is '{pair.MustChainTo}', which is none of the trust bundles");
        string[] defaults = [.. Certificates.Where(pair => pair.IsDefault).Select(pair => $"'{pair.Name}'")];
        string[] several = defaults.Length > 1 ? [$"{string.Join(", ", defaults)} have {nameof(CertificateOptions.IsDefault)}; set it for one pair at most"] : [];
        return Certificates.SelectMany(pair => pair.Errors()).Concat(TrustBundles.SelectMany(bundle => bundle.Errors())).Concat(twice).Concat(unknown).Concat(several);
    }
}
