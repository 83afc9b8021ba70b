namespace CertActors.Server;

/// <summary>
/// The pairs and trust bundles to serve. Later sources replace what earlier ones set: <c>appsettings.json</c> in the working directory, the file of
/// <c>--config</c>, the environment, and <c>--cert</c>.
/// </summary>
internal sealed class ServerConfiguration
{
    private const string DefaultFile = "appsettings.json";
    private const string SectionName = "CertActors";

    private readonly Lock _refreshing = new();
    private readonly ConfigurationFile[] _files;

    /// <param name="path">The file of <c>--config</c>; null for none.</param>
    /// <param name="pair">The pair of the command line; null for none.</param>
    /// <exception cref="InvalidDataException">A file cannot be read, or is not JSON.</exception>
    public ServerConfiguration(string? path, CertificateOptions? pair)
        : this([.. File.Exists(DefaultFile) ? [DefaultFile] : (string[])[], .. path is null ? [] : (string[])[path]], pair)
    {
    }

    private ServerConfiguration(string[] paths, CertificateOptions? pair)
    {
        _files = [.. paths.Select(path => new ConfigurationFile(path))];
        var builder = new ConfigurationBuilder();
        foreach (var file in _files)
            builder.Add(file);
        builder.AddEnvironmentVariables();
        if (pair is not null)
            builder.AddInMemoryCollection(KeysOf(pair));
        Section = builder.Build().GetSection(SectionName);
    }

    /// <summary>The section with the pairs and trust bundles, for <c>AddCertificates</c>.</summary>
    public IConfigurationSection Section { get; }

    /// <summary>Whether a source has its section.</summary>
    public bool IsGiven => Section.Exists();

    /// <summary>Whether it has a pair.</summary>
    public bool HasPairs => Section.GetSection(nameof(CertificatesOptions.Certificates)).GetChildren().Any();

    /// <returns>A configuration with this pair alone.</returns>
    public static ServerConfiguration Of(CertificateOptions pair) => new([], pair);

    /// <summary>Reads the files again. A change is reported by the change token of <see cref="Section"/> before it returns.</summary>
    /// <returns>What is wrong, once for each change. A file that is wrong counts as it was before.</returns>
    public IReadOnlyList<string> Refresh()
    {
        List<string> errors = [];
        lock (_refreshing)
        {
            foreach (var file in _files)
            {
                try
                {
                    file.Refresh();
                }
                catch (InvalidDataException error)
                {
                    errors.Add(error.Message);
                }
            }
        }

        return errors;
    }

    // The pair of the command line is the default: among others, the first in the order of their names would be.
    private static Dictionary<string, string?> KeysOf(CertificateOptions pair)
    {
        var key = $"{SectionName}:{nameof(CertificatesOptions.Certificates)}:{pair.Name}:";
        return new Dictionary<string, string?>
        {
            [key + nameof(pair.CertificatePath)] = pair.CertificatePath,
            [key + nameof(pair.KeyPath)] = pair.KeyPath,
            [key + nameof(pair.PasswordPath)] = pair.PasswordPath,
            [key + nameof(pair.IsDefault)] = "true",
        };
    }
}
