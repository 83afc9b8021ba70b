using System.Runtime.CompilerServices;
using CertActors.Configuration;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.Options;
using Microsoft.Extensions.Primitives;

namespace CertActors.Hosting;

/// <summary>A configuration of the host that was given to one call of <c>AddCertificates</c>.</summary>
internal sealed class ConfigurationSource(IConfiguration configuration) : IOptionsChangeTokenSource<CertificatesOptions>
{
    // Kept until the validation: to read a configuration takes the square of its size.
    private readonly ConditionalWeakTable<CertificatesOptions, IReadOnlyList<string>> _errors = [];

    public string Name => Options.DefaultName;

    public IChangeToken GetChangeToken() => configuration.GetReloadToken();

    /// <summary>Adds what the configuration has to the options.</summary>
    /// <param name="options">The options.</param>
    /// <param name="hocon">Has the defaults of pairs and trust bundles.</param>
    public void AddTo(CertificatesOptions options, HoconSource hocon) => _errors.AddOrUpdate(options, Read(options, hocon));

    /// <returns>What was wrong with the configuration when it was added to these options.</returns>
    public IReadOnlyList<string> ErrorsOf(CertificatesOptions options) => _errors.TryGetValue(options, out var errors) ? errors : [];

    private List<string> Read(CertificatesOptions options, HoconSource hocon)
    {
        if (configuration is IConfigurationSection section && !section.Exists())
            return [$"the configuration has no section '{section.Path}', which was given to {nameof(CertificateHostingExtensions.AddCertificates)}"];

        List<string> errors = [];
        var (newPair, newBundle) = hocon.Defaults();
        new OptionReader(option => option, errors).Read(new ConfigurationNode(configuration), options, newPair, newBundle);
        return errors;
    }
}
