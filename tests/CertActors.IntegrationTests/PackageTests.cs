using System.Diagnostics;
using System.IO.Compression;
using System.Reflection;
using System.Runtime.CompilerServices;
using System.Text.RegularExpressions;
using System.Xml.Linq;

namespace CertActors.IntegrationTests;

/// <summary>What users install: the packed packages.</summary>
[Collection(nameof(PackedPackages))]
public sealed class PackageTests(PackedPackages packages)
{
    private const string Tool = "CertActors.Server";

    private const BindingFlags Declared = BindingFlags.Public | BindingFlags.NonPublic | BindingFlags.Instance | BindingFlags.Static | BindingFlags.DeclaredOnly;

    internal static readonly string[] All = ["CertActors", "CertActors.AspNetCore", "CertActors.Hosting", Tool, "CertActors.TestKit"];

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
        var metadata = (await XDocument.LoadAsync(nuspec, LoadOptions.None, CancellationToken.None)).Root!.Elements().First().Elements().ToArray();
        var facts = metadata.ToLookup(fact => fact.Name.LocalName, fact => fact.Value);

        Assert.Equal("Apache-2.0", facts["license"].Single());
        Assert.NotEmpty(facts["description"].Single());
        Assert.Equal("icon.png", facts["icon"].Single());
        Assert.NotNull(package.GetEntry("icon.png"));
        Assert.Equal("README.md", facts["readme"].Single());
        using var readme = new StreamReader(package.GetEntry("README.md")!.Open());
        Assert.Equal(id == Tool ? "# certactors" : $"# {id}", await readme.ReadLineAsync());
        Assert.Equal(PackedPackages.RepositoryUrl, facts["projectUrl"].Single());
        var repository = metadata.Single(fact => fact.Name.LocalName == "repository");
        Assert.Equal(("git", PackedPackages.RepositoryUrl), (repository.Attribute("type")?.Value, repository.Attribute("url")?.Value));

        // Those of a tool are in its package, next to the assemblies: what is installed finds them, and nobody asks a symbol server for a tool's.
        if (id == Tool)
            Assert.NotNull(package.GetEntry($"tools/net10.0/any/{id}.pdb"));
        Assert.Equal(id != Tool, File.Exists(path + ".snupkg"));
    }

    [Theory]
    [MemberData(nameof(Libraries))]
    public async Task The_documentation_is_that_of_public_types_and_members(string id)
    {
        string[] documented = [.. (await DocumentationAsync(id)).Select(member => KeyOf(member.Attribute("name")!.Value)).Distinct()];
        var types = Assembly.Load(id).GetExportedTypes();

        Assert.Empty(documented.Except(types.SelectMany(KeysOf)));
        Assert.Empty(types.SelectMany(OwnMethodsOf).Except(documented));
    }

    [Theory]
    [InlineData("CertActors", "M:CertActors.CertificateSupervisor.Props(", 3)]
    [InlineData("CertActors", "M:CertActors.CertificateSupervisor.StartAsync(", 1)]
    [InlineData("CertActors", "T:CertActors.SubscribeToCertificates", 1)]
    [InlineData("CertActors", "T:CertActors.CertificatesClient", 1)]
    [InlineData("CertActors", "T:CertActors.CertificateHttpHandler", 1)]
    [InlineData("CertActors", "T:CertActors.IRotationHook", 1)]
    [InlineData("CertActors", "M:CertActors.CertificateHolder.WaitForFirstAsync(", 1)]
    [InlineData("CertActors", "M:CertActors.CertificateTlsExtensions.ServerOptionsCallback(", 1)]
    [InlineData("CertActors", "M:CertActors.CertificateTlsExtensions.CreateClientOptions(", 1)]
    [InlineData("CertActors", "M:CertActors.CertificateCheck.Run(", 1)]
    [InlineData("CertActors.AspNetCore", "M:CertActors.AspNetCore.CertificateListenOptionsExtensions.UseCertificates(", 4)]
    [InlineData("CertActors.AspNetCore", "M:CertActors.AspNetCore.CertificateDrainExtensions.UseCertificateDrain(", 1)]
    [InlineData("CertActors.AspNetCore", "M:CertActors.AspNetCore.CertificatePageExtensions.MapCertificates(", 1)]
    [InlineData("CertActors.Hosting", "M:CertActors.Hosting.CertificateHostingExtensions.AddCertificates(", 4)]
    [InlineData("CertActors.Hosting", "M:CertActors.Hosting.CertificateHostingExtensions.WithCertificates(", 1)]
    [InlineData("CertActors.Hosting", "M:CertActors.Hosting.CertificateHostingExtensions.WithCertificateHealthCheck(", 1)]
    [InlineData("CertActors.TestKit", "T:CertActors.TestKit.TestCertificates", 1)]
    public async Task The_documentation_of_each_entry_point_has_an_example(string id, string entryPoint, int overloads)
    {
        var documentation = await DocumentationAsync(id);
        XElement[] members = [.. documentation.Where(member => entryPoint.EndsWith('(')
            ? member.Attribute("name")!.Value.StartsWith(entryPoint, StringComparison.Ordinal)
            : member.Attribute("name")!.Value == entryPoint)];

        Assert.Equal(overloads, members.Length);
        Assert.All(members, member => Assert.NotEmpty(member.Elements("example").Elements("code")));
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

    private async Task<IReadOnlyList<XElement>> DocumentationAsync(string id)
    {
        using var package = ZipFile.OpenRead(Path.Combine(packages.Folder, $"{id}.{packages.Version}.nupkg"));
        await using var file = package.GetEntry($"lib/net10.0/{id}.xml")!.Open();
        return [.. (await XDocument.LoadAsync(file, LoadOptions.None, CancellationToken.None)).Descendants("member")];
    }

    // An overload is known by the number of its parameters: M:Namespace.Type.Member/2.
    private static string KeyOf(string documented)
    {
        var open = documented.IndexOf('(', StringComparison.Ordinal);
        var name = Regex.Replace(open < 0 ? documented : documented[..open], "`+[0-9]+", "");
        var parameters = open < 0 ? "" : Regex.Replace(documented[(open + 1)..], @"\{[^{}]*(\{[^{}]*\}[^{}]*)*\}", "");
        return $"{name}/{(parameters.Length == 0 ? 0 : parameters.Count(c => c == ',') + 1)}";
    }

    // Everything that a user sees.
    private static IEnumerable<string> KeysOf(Type type)
    {
        var name = NameOf(type);
        return
        [
            $"T:{name}/0",
            .. type.GetFields(Declared).Where(field => field.IsPublic || field.IsFamily || field.IsFamilyOrAssembly).Select(field => $"F:{name}.{field.Name}/0"),
            .. type.GetProperties(Declared).Where(property => property.GetAccessors(nonPublic: true).Any(IsVisible)).Select(property => $"P:{name}.{property.Name}/{property.GetIndexParameters().Length}"),
            .. type.GetEvents(Declared).Where(@event => IsVisible(@event.AddMethod!)).Select(@event => $"E:{name}.{@event.Name}/0"),
            .. type.GetMethods(Declared).Where(IsVisible).Select(method => $"M:{name}.{method.Name}/{method.GetParameters().Length}"),
            .. type.GetConstructors(Declared).Where(IsVisible).Select(constructor => $"M:{name}.#ctor/{constructor.GetParameters().Length}"),
        ];
    }

    // What the compiler demands documentation of, among it.
    private static IEnumerable<string> OwnMethodsOf(Type type) =>
        from method in type.GetMethods(Declared)
        where IsVisible(method) && !method.IsSpecialName && method.GetBaseDefinition() == method && !method.IsDefined(typeof(CompilerGeneratedAttribute))
        select $"M:{NameOf(type)}.{method.Name}/{method.GetParameters().Length}";

    private static string NameOf(Type type) => Regex.Replace(type.FullName!.Replace('+', '.'), "`[0-9]+", "");

    private static bool IsVisible(MethodBase method) => method.IsPublic || method.IsFamily || method.IsFamilyOrAssembly;
}
