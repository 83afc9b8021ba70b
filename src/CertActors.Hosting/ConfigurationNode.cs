using CertActors.Configuration;
using Microsoft.Extensions.Configuration;

namespace CertActors.Hosting;

/// <summary>A place in a configuration of the host.</summary>
internal sealed class ConfigurationNode(IConfiguration configuration) : IOptionNode
{
    public string Path => (configuration as IConfigurationSection)?.Path ?? "the configuration";

    public string? Value => (configuration as IConfigurationSection)?.Value;

    // Kept, as GetChildren goes through all keys of a provider (ConfigurationProvider.GetChildKeys).
    public IReadOnlyList<(string Key, IOptionNode Node)> Children =>
        field ??= [.. configuration.GetChildren().Select(child => (child.Key, (IOptionNode)new ConfigurationNode(child)))];
}
