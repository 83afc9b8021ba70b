using System.Diagnostics;
using System.IO.Compression;
using System.Reflection;
using System.Xml.Linq;

namespace CertActors.IntegrationTests;

/// <summary>What users install: the packed packages.</summary>
public sealed class PackageTests(PackedPackages packages) : IClassFixture<PackedPackages>
{
    private const string Tool = "CertActors.Server";

    private static readonly string[] All = ["CertActors", "CertActors.AspNetCore", "CertActors.Hosting", Tool, "CertActors.TestKit"];

    public static TheoryData<string> Ids => [.. All];

    public static TheoryData<string> Libraries => [.. All.Except([Tool])];

    [Fact]
    public void No_other_project_is_packed() =>
        Assert.Equal(
            All,
            Directory.GetFiles(packages.Folder, "*.nupkg").Select(file => Path.GetFileName(file).Replace($".{packages.Version}.nupkg", "", StringComparison.Ordinal)).Order(StringComparer.Ordinal));

    [Theory]
    [MemberData(nameof(Ids))]
    public async Task Each_has_what_a_user_looks_for(string id)
    {
        var path = Path.Combine(packages.Folder, $"{id}.{packages.Version}");
        using var package = ZipFile.OpenRead(path + ".nupkg");
        await using var nuspec = package.GetEntry($"{id}.nuspec")!.Open();
        var facts = (await XDocument.LoadAsync(nuspec, LoadOptions.None, CancellationToken.None)).Root!.Elements().First().Elements().ToLookup(fact => fact.Name.LocalName, fact => fact.Value);

        Assert.Equal("Apache-2.0", facts["license"].Single());
        Assert.NotEmpty(facts["description"].Single());
        Assert.Equal("icon.png", facts["icon"].Single());
        Assert.NotNull(package.GetEntry("icon.png"));
        Assert.Equal("README.md", facts["readme"].Single());
        using var readme = new StreamReader(package.GetEntry("README.md")!.Open());
        Assert.Equal(id == Tool ? "# certactors" : $"# {id}", await readme.ReadLineAsync());
        Assert.True(id == Tool || File.Exists(path + ".snupkg"));
    }

    [Theory]
    [MemberData(nameof(Libraries))]
    public async Task The_documentation_is_that_of_public_types(string id)
    {
        using var package = ZipFile.OpenRead(Path.Combine(packages.Folder, $"{id}.{packages.Version}.nupkg"));
        await using var file = package.GetEntry($"lib/net10.0/{id}.xml")!.Open();
        var documentation = await XDocument.LoadAsync(file, LoadOptions.None, CancellationToken.None);
        var library = Assembly.Load(id);
        Type[] types = [.. documentation.Descendants("member").Select(member => library.GetType(member.Attribute("name")!.Value[2..])).OfType<Type>()];

        Assert.NotEmpty(types);
        Assert.DoesNotContain(types, type => !type.IsPublic);
    }

    [Fact]
    public async Task Every_snippet_of_the_READMEs_compiles_with_them()
    {
        await BuildAsync("core", "Microsoft.NET.Sdk", ["CertActors", "CertActors.TestKit"], "src/CertActors", "src/CertActors.TestKit");
        await BuildAsync(
            "web",
            "Microsoft.NET.Sdk.Web",
            ["CertActors.AspNetCore", "CertActors.Hosting", "CertActors.TestKit", "Akka.TestKit.Xunit2", "Grpc.Net.Client", "xunit"],
            ".",
            "src/CertActors.AspNetCore",
            "src/CertActors.Hosting");
    }

    [Fact]
    public async Task The_command_has_its_name()
    {
        var folder = packages.CreateFolder("tools");
        await PackedPackages.RunAsync(folder, "tool", "install", Tool, "--version", packages.Version, "--tool-path", folder, "--source", packages.Folder);

        using var check = Process.Start(new ProcessStartInfo(Path.Combine(folder, "certactors"), ["check", "--cert", "/nowhere"])
        {
            RedirectStandardOutput = true,
            Environment = { ["DOTNET_ROOT"] = Path.GetDirectoryName(Environment.ProcessPath) },
        })!;
        Assert.StartsWith("rejected", await check.StandardOutput.ReadToEndAsync(), StringComparison.Ordinal);
        await check.WaitForExitAsync();
        Assert.Equal(1, check.ExitCode);
    }

    private async Task BuildAsync(string name, string sdk, string[] references, params string[] readmes)
    {
        var folder = packages.CreateFolder(name);
        foreach (var readme in readmes)
            Assert.NotEqual(0, Snippets.Write(Path.Combine(PackedPackages.Repository, readme, "README.md"), folder));
        await File.WriteAllTextAsync(Path.Combine(folder, "Given.cs"), Snippets.Given);
        await File.WriteAllTextAsync(
            Path.Combine(folder, "Directory.Packages.props"),
            $"""
            <Project>
              <Import Project="{PackedPackages.Repository}/Directory.Packages.props" />
              <ItemGroup>
                {string.Concat(All.Select(id => $"<PackageVersion Include=\"{id}\" Version=\"[{packages.Version}]\" />"))}
              </ItemGroup>
            </Project>
            """);
        await File.WriteAllTextAsync(
            Path.Combine(folder, $"{name}.csproj"),
            $"""
            <Project Sdk="{sdk}">
              <PropertyGroup>
                <TargetFramework>net10.0</TargetFramework>
                <OutputType>Library</OutputType>
                <ImplicitUsings>enable</ImplicitUsings>
                <Nullable>enable</Nullable>
                <DefineConstants Condition="'$(UsingMicrosoftNETSdkWeb)' == 'true'">$(DefineConstants);IS_WEB</DefineConstants>
              </PropertyGroup>
              <ItemGroup>
                {string.Concat(references.Select(reference => $"<PackageReference Include=\"{reference}\" />"))}
              </ItemGroup>
            </Project>
            """);
        await packages.BuildAsync(folder);
    }
}
