using Akka.Actor;
using CertActors.Configuration;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Options;

namespace CertActors.Hosting;

/// <summary>
/// Options from the HOCON of the actor system. They come after all others: a pair or trust bundle of the same name, in code or in a configuration of the
/// host, replaces that of HOCON, and what a configuration doesn't set of a pair has the default of HOCON.
/// </summary>
internal sealed class HoconSource(IServiceProvider services) : IConfigureOptions<CertificatesOptions>, IPostConfigureOptions<CertificatesOptions>
{
    public IReadOnlyList<string> Errors => Read()?.Errors ?? [];

    /// <returns>How to make a pair and a trust bundle with the defaults of HOCON.</returns>
    public (Func<CertificateOptions> Pair, Func<TrustBundleOptions> Bundle) Defaults() =>
        Read() is { } hocon ? (hocon.NewPair, hocon.NewBundle) : (() => new CertificateOptions(), () => new TrustBundleOptions());

    /// <summary>Sets what applies to all pairs. It comes first, so that everything else overrides it.</summary>
    public void Configure(CertificatesOptions options) => options.StopOnFailedFirstLoad = Read()?.Options.StopOnFailedFirstLoad ?? false;

    /// <summary>Adds the pairs and trust bundles that nothing else has.</summary>
    public void PostConfigure(string? name, CertificatesOptions options)
    {
        if (Read() is not { Options: var hocon })
            return;
        foreach (var pair in hocon.Certificates.Where(pair => options.Certificates.All(other => other?.Name != pair.Name)).ToArray())
            options.Certificates.Add(pair);
        foreach (var bundle in hocon.TrustBundles.Where(bundle => options.TrustBundles.All(other => other?.Name != bundle.Name)).ToArray())
            options.TrustBundles.Add(bundle);
    }

    // Each time, as whoever configures the options may change what was read. The actor system is created when it is first asked for; its actors start later.
    private HoconOptions? Read() => services.GetService<ActorSystem>() is { } system ? HoconOptions.Of(system.Settings.Config) : null;
}
