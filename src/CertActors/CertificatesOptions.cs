using CertActors.Diagnostics;

namespace CertActors;

/// <summary>The pairs and trust bundles of one <see cref="CertificateSupervisor"/>, and what applies to all of them.</summary>
/// <example>
/// <code>
/// var options = new CertificatesOptions();
/// options.Certificates.Add(new CertificateOptions { CertificatePath = "/etc/tls/tls.crt", KeyPath = "/etc/tls/tls.key" });
/// </code>
/// </example>
public sealed record CertificatesOptions
{
    /// <summary>
    /// The pairs: at least one, each with a name and files of its own. The one with <see cref="CertificateOptions.IsDefault"/>, otherwise the first that
    /// is for servers, is the default: it is <see cref="CertificateHolder.Current"/>, and it is served to clients that send no server name, or one that
    /// no pair has. If several pairs have a name, the first of them answers to it, and a warning names both. <see cref="UpdateCertificates"/> applies
    /// another order, too.
    /// </summary>
    public IList<CertificateOptions> Certificates
    {
        get;
        set => field = OptionList.Of(value);
    } = new OptionList<CertificateOptions>();

    /// <summary>The trust bundles, each with a name that no pair and no other bundle has. Default: none.</summary>
    public IList<TrustBundleOptions> TrustBundles
    {
        get;
        set => field = OptionList.Of(value);
    } = new OptionList<TrustBundleOptions>();

    /// <summary>
    /// Whether the supervisor stops itself when a load fails of a pair that it was started with and that has never been served, so that waiters of
    /// <see cref="CertificateHolder.WaitForFirstAsync"/> get the failure at once. Default false: the failure is reported, and the load is tried again.
    /// Pairs that are added later are tried again in any case.
    /// </summary>
    public bool StopOnFailedFirstLoad { get; set; }

    /// <summary>Validates the options. <see cref="CertificateSupervisor"/> does it, too; call it to fail earlier.</summary>
    /// <returns>A copy with full paths: relative ones are resolved against the working directory. It shares nothing with these options.</returns>
    /// <exception cref="CertificateOptionsException">The options are invalid; every error is listed.</exception>
    public CertificatesOptions Validated()
    {
        var errors = Errors().ToArray();
        if (errors.Length > 0)
            throw new CertificateOptionsException(errors);
        return this with
        {
            Certificates = [.. Certificates.Select(pair => pair.Copy())],
            TrustBundles = [.. TrustBundles.Select(bundle => bundle.Copy())],
        };
    }

    /// <summary>The default of these pairs; null if none is for servers.</summary>
    internal static CertificateOptions? DefaultOf(IEnumerable<CertificateOptions> pairs)
    {
        var servers = pairs.Where(pair => pair.IsForServers);
        return servers.FirstOrDefault(pair => pair.IsDefault) ?? servers.FirstOrDefault();
    }

    private IEnumerable<string> Errors()
    {
        if (Certificates.Count == 0 || Certificates.Any(pair => pair is null))
            return [$"{nameof(Certificates)} must hold at least one pair, and no null"];
        if (TrustBundles.Any(bundle => bundle is null))
            return [$"{nameof(TrustBundles)} must not hold a null"];

        var unknown = Certificates
            .Where(pair => pair.MustChainTo is { } name && TrustBundles.All(bundle => bundle.Name != name))
            .Select(pair => $"pair '{pair.Name}': {nameof(CertificateOptions.MustChainTo)} is '{pair.MustChainTo}', which is none of the trust bundles");
        string[] defaults = [.. Certificates.Where(pair => pair.IsDefault).Select(pair => $"'{pair.Name}'")];
        string[] several = defaults.Length > 1 ? [$"{string.Join(", ", defaults)} have {nameof(CertificateOptions.IsDefault)}; set it for one pair at most"] : [];
        return
        [
            .. Certificates.SelectMany(pair => pair.Errors()), .. TrustBundles.SelectMany(bundle => bundle.Errors()),
            .. SameNames(), .. SameFiles(), .. unknown, .. several,
        ];
    }

    // Actor names are case-sensitive, but people would mix up names that differ in case only.
    private IEnumerable<string> SameNames() =>
        from known in Certificates.Select(pair => (pair.Name, Kind: "pair", Path: pair.CertificatePath))
            .Concat(TrustBundles.Select(bundle => (bundle.Name, Kind: "trust bundle", Path: bundle.CertificatePaths.FirstOrDefault() ?? "")))
        group known by known.Name?.ToUpperInvariant() into same
        where same.Count() > 1
        let all = string.Join(" and ", same.Select(one => $"the {one.Kind} '{one.Name}' of '{PathOrNone(one.Path)}'"))
        select $"{all} have the same name; give each a name of its own";

    private IEnumerable<string> SameFiles() =>
        from pair in Certificates
        where CertificateOptions.IsPath(pair.CertificatePath) && CertificateOptions.IsPath(pair.KeyPath)
        group pair by (FullPathOf(pair.CertificatePath), FullPathOf(pair.KeyPath)) into same
        let names = same.Select(pair => pair.Name).Distinct(StringComparer.OrdinalIgnoreCase).ToArray()
        where names.Length > 1
        select SameFiles(names, same.First());

    /// <summary>The error of pairs that have the same files.</summary>
    internal static string SameFiles(IEnumerable<string> names, CertificateOptions pair) =>
        $"the pairs {string.Join(" and ", names.Select(name => $"'{name}'"))} have the same files, '{pair.CertificatePath}' and '{pair.KeyPath}'; use one pair, with all of its server names and purposes";

    private static string FullPathOf(string path) => CertificateOptions.IsWithoutDirectory(path) ? path : CertificateOptions.FullPath(path);

    private static string PathOrNone(string path) => CertificateOptions.IsPath(path) ? path : "";
}
