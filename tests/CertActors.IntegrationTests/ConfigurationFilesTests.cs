using CertActors.Server;

namespace CertActors.IntegrationTests;

/// <summary>When a change of the server's configuration is applied.</summary>
public sealed class ConfigurationFilesTests : IDisposable
{
    private readonly DirectoryInfo _directory = Directory.CreateTempSubdirectory("certactors-test-");
    private readonly ServerConfiguration _configuration;

    public ConfigurationFilesTests()
    {
        Write("first");
        _configuration = new ServerConfiguration(FilePath, pair: null, CancellationToken.None);
    }

    private string FilePath => Path.Combine(_directory.FullName, "certactors.json");

    private string? Name => _configuration.Section["Certificates:default:ServerNames:0"];

    public void Dispose() => _directory.Delete(recursive: true);

    [Fact]
    public async Task A_change_is_applied_when_two_polls_agree()
    {
        Write("second");
        await _configuration.RefreshAsync(isPoll: true);
        Assert.Equal("first", Name);
        Write("third");
        await _configuration.RefreshAsync(isPoll: true);
        Assert.Equal("first", Name);

        await _configuration.RefreshAsync(isPoll: true);

        Assert.Equal("third", Name);
    }

    [Fact]
    public async Task A_change_that_is_undone_before_the_next_poll_was_none()
    {
        Write("second");
        await _configuration.RefreshAsync(isPoll: true);
        Write("first");
        await _configuration.RefreshAsync(isPoll: true);
        Write("second");
        await _configuration.RefreshAsync(isPoll: true);

        Assert.Equal("first", Name);
    }

    [Fact]
    public async Task A_reload_that_was_asked_for_applies_a_change_at_once()
    {
        Write("second");

        await _configuration.RefreshAsync(isPoll: false);

        Assert.Equal("second", Name);
    }

    private void Write(string name) => File.WriteAllText(
        FilePath, $$"""{ "CertActors": { "Certificates": { "default": { "CertificatePath": "tls.crt", "ServerNames": [ "{{name}}" ] } } } }""");
}
