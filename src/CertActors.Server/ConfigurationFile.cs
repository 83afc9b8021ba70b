using System.Text.Json;

namespace CertActors.Server;

/// <summary>A JSON file of the configuration. What it last had counts: while it is damaged or missing, no pair is removed.</summary>
internal sealed class ConfigurationFile(string path) : ConfigurationProvider, IConfigurationSource
{
    // Null if it could not be read.
    private byte[]? _contents;

    public IConfigurationProvider Build(IConfigurationBuilder builder) => this;

    /// <exception cref="InvalidDataException">It cannot be read, or is not JSON.</exception>
    public override void Load()
    {
        _contents = Read();
        Data = Parse(_contents);
    }

    /// <summary>Reads it again, and reports a change to whoever uses the configuration.</summary>
    /// <exception cref="InvalidDataException">It cannot be read any more, or what it has now is not JSON. The next call does not repeat that.</exception>
    public void Refresh()
    {
        byte[] contents;
        try
        {
            contents = Read();
        }
        catch (InvalidDataException) when (_contents is null)
        {
            return;
        }
        catch (InvalidDataException)
        {
            _contents = null;
            throw;
        }

        if (contents.AsSpan().SequenceEqual(_contents))
            return;
        _contents = contents;
        Data = Parse(contents);
        OnReload();
    }

    private byte[] Read()
    {
        try
        {
            return File.ReadAllBytes(path);
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            throw new InvalidDataException($"the configuration file '{path}' cannot be read: {error.Message}", error);
        }
    }

    private Dictionary<string, string?> Parse(byte[] json)
    {
        try
        {
            return new Dictionary<string, string?>(
                new ConfigurationBuilder().AddJsonStream(new MemoryStream(json)).Build().AsEnumerable(), StringComparer.OrdinalIgnoreCase);
        }
        catch (Exception error) when (error is JsonException or FormatException)
        {
            throw new InvalidDataException($"the configuration file '{path}' is not valid: {error.Message}", error);
        }
    }
}
