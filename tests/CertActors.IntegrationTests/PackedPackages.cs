using System.Diagnostics;
using System.Reflection;
using System.Runtime.CompilerServices;

namespace CertActors.IntegrationTests;

/// <summary>
/// The packages, packed from what the tests were built with into a folder that is a package source. Their version is one of its own, so that no package
/// of an earlier run is taken in their place.
/// </summary>
public sealed class PackedPackages : IAsyncLifetime
{
    private static readonly TimeSpan Generous = TimeSpan.FromMinutes(4);

    private readonly DirectoryInfo _root = Directory.CreateTempSubdirectory("certactors-test-");

    public static string Repository { get; } = Path.GetFullPath(Path.Combine(Path.GetDirectoryName(Here())!, "..", ".."));

    /// <summary>An address of the repository, of which the sources have none.</summary>
    public const string RepositoryUrl = "https://example.org/certactors";

    public string Version { get; } = $"0.1.0-test.{Guid.NewGuid():N}";

    /// <summary>The programs of the snippets that were built, by their names.</summary>
    internal Dictionary<string, SnippetProgram> Programs { get; } = [];

    /// <summary>The folder with the packages.</summary>
    public string Folder => Path.Combine(_root.FullName, "packages");

    public async Task InitializeAsync()
    {
        var configuration = typeof(PackedPackages).Assembly.GetCustomAttribute<AssemblyConfigurationAttribute>()!.Configuration;
        await RunAsync(
            Repository,
            "pack",
            "CertActors.sln",
            "--no-build",
            "--configuration",
            configuration,
            $"-p:Version={Version}",
            $"-p:RepositoryUrl={RepositoryUrl}",
            $"-p:PackageOutputPath={Folder}");
    }

    public Task DisposeAsync()
    {
        _root.Delete(recursive: true);
        return Task.CompletedTask;
    }

    /// <summary>A new folder below the one that is deleted at the end.</summary>
    public string CreateFolder(string name) => _root.CreateSubdirectory(name).FullName;

    /// <summary>
    /// Restores and builds a project with the packages. They are extracted into a folder of their own; all others are used from where the restore of the
    /// tests has put them, and what is missing there comes from the machine's sources.
    /// </summary>
    public Task BuildAsync(string project)
    {
        var global = typeof(PackedPackages).Assembly.GetCustomAttributes<AssemblyMetadataAttribute>().Single(fact => fact.Key == "NuGetPackageRoot").Value;
        return RunAsync(
            project,
            "build",
            $"-p:RestoreAdditionalProjectSources={Folder}",
            $"-p:RestorePackagesPath={Path.Combine(_root.FullName, "restored")}",
            $"-p:RestoreFallbackFolders={global}",
            "-p:NuGetAudit=false");
    }

    /// <summary>Runs a command of the SDK, and fails with what it printed unless it ends with 0.</summary>
    /// <returns>What it printed.</returns>
    public static async Task<string> RunAsync(string directory, params string[] arguments)
    {
        // No process that outlives the command: it would hold the pipe.
        string[] build = arguments[0] is "build" or "pack" ? ["-nodeReuse:false", "-p:UseSharedCompilation=false", "-verbosity:quiet"] : [];
        var start = new ProcessStartInfo(Environment.ProcessPath!, [.. arguments, .. build])
        {
            WorkingDirectory = directory,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
            Environment = { ["DOTNET_CLI_TELEMETRY_OPTOUT"] = "1", ["DOTNET_NOLOGO"] = "1" },
        };

        // Where the test runner was started by MSBuild, these are of its SDK and its projects.
        foreach (var name in start.Environment.Keys.Where(name => name.StartsWith("MSBuild", StringComparison.OrdinalIgnoreCase)).ToArray())
            start.Environment.Remove(name);
        using var process = Process.Start(start)!;
        using var limit = new CancellationTokenSource(Generous);
        try
        {
            var (output, errors) = (process.StandardOutput.ReadToEndAsync(limit.Token), process.StandardError.ReadToEndAsync(limit.Token));
            await process.WaitForExitAsync(limit.Token);
            var printed = await output + await errors;
            Assert.True(process.ExitCode == 0, $"dotnet {string.Join(' ', arguments)} ended with {process.ExitCode}:{Environment.NewLine}{printed}");
            return printed;
        }
        finally
        {
            if (!process.HasExited)
                process.Kill(entireProcessTree: true);
        }
    }

    private static string Here([CallerFilePath] string path = "") => path;
}

[CollectionDefinition(nameof(PackedPackages))]
public sealed class PackedPackagesGroup : ICollectionFixture<PackedPackages>;

/// <summary>A program with the snippets of one kind of project.</summary>
/// <param name="Path">Its assembly.</param>
/// <param name="Folder">Has files for it, and is its working directory.</param>
/// <param name="Snippets">The snippets.</param>
internal sealed record SnippetProgram(string Path, string Folder, IReadOnlyList<Snippet> Snippets);
