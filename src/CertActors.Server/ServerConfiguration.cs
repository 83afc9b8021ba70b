namespace CertActors.Server;

/// <summary>
/// The pairs and trust bundles to serve. Later sources replace what earlier ones set: <c>appsettings.json</c> in the working directory, the file of
/// <c>--config</c>, the environment, and <c>--cert</c>.
/// </summary>
internal sealed class ServerConfiguration
{
    private const string DefaultFile = "appsettings.json";
    private const string SectionName = "CertActors";

    private readonly ConfigurationFiles _files;

    /// <param name="path">The file of <c>--config</c>; null for none.</param>
    /// <param name="pair">The pair of the command line; null for none.</param>
    /// <param name="ended">Ends the read of the files.</param>
    /// <exception cref="InvalidDataException">A file cannot be read, or is not JSON.</exception>
    /// <exception cref="OperationCanceledException">The token was cancelled.</exception>
    public ServerConfiguration(string? path, CertificateOptions? pair, CancellationToken ended)
        : this(new ConfigurationFiles(DefaultFile, path is null ? [] : [path]), pair, ended)
    {
    }

    private ServerConfiguration(ConfigurationFiles files, CertificateOptions? pair, CancellationToken ended)
    {
        (_files, DefaultPair) = (files, pair?.Name);
        _files.Load(ended);
        var builder = new ConfigurationBuilder().Add(_files).AddEnvironmentVariables();
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

    /// <summary>The name of the pair of the command line, which is the default; null for none.</summary>
    public string? DefaultPair { get; }

    /// <summary>How many pairs and trust bundles it has.</summary>
    public int Names => Section.GetSection(nameof(CertificatesOptions.Certificates)).GetChildren().Count()
        + Section.GetSection(nameof(CertificatesOptions.TrustBundles)).GetChildren().Count();

    /// <returns>A configuration with this pair alone.</returns>
    public static ServerConfiguration Of(CertificateOptions pair) => new(new ConfigurationFiles(null, []), pair, CancellationToken.None);

    /// <inheritdoc cref="ConfigurationFiles.RefreshAsync"/>
    public Task<string?> RefreshAsync(bool isPoll) => _files.RefreshAsync(isPoll);

    private static Dictionary<string, string?> KeysOf(CertificateOptions pair)
    {
        var key = $"{SectionName}:{nameof(CertificatesOptions.Certificates)}:{pair.Name}:";
        return new Dictionary<string, string?>
        {
            [key + nameof(pair.CertificatePath)] = pair.CertificatePath,
            [key + nameof(pair.KeyPath)] = pair.KeyPath,
            [key + nameof(pair.PasswordPath)] = pair.PasswordPath,
        };
    }
}
