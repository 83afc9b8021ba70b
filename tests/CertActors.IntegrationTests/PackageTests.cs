using System.Diagnostics;
using System.IO.Compression;
using System.Net;
using System.Net.Security;
using System.Net.Sockets;
using System.Reflection;
using System.Security.Cryptography.X509Certificates;
using System.Xml.Linq;
using CertActors.Tests.Support;

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
    public async Task Every_snippet_of_the_READMEs_runs_with_them()
    {
        await RunAsync("core", "Microsoft.NET.Sdk", ["CertActors", "CertActors.TestKit"], "src/CertActors", "src/CertActors.TestKit");
        await RunAsync(
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

    // A type that is only declared is compiled, and nothing else is left out.
    private async Task RunAsync(string name, string sdk, string[] references, params string[] readmes)
    {
        var folder = packages.CreateFolder(name);
        WriteFiles(Directory.CreateDirectory(Path.Combine(folder, "etc/tls")).FullName);
        List<Snippet> snippets = [];
        foreach (var readme in readmes)
        {
            var written = Snippets.Write(Path.Combine(PackedPackages.Repository, readme, "README.md"), folder);
            Assert.NotEmpty(written);
            snippets.AddRange(written);
        }

        // The configuration that the README has for its second example.
        var json = (await File.ReadAllTextAsync(Path.Combine(PackedPackages.Repository, "README.md"))).Split("```json")[1].Split("```")[0];
        await File.WriteAllTextAsync(Path.Combine(folder, "appsettings.json"), Snippets.InFolder(json, folder));
        await BuildAsync(folder, name, sdk, references);

        var program = Path.Combine(folder, $"bin/Debug/net10.0/{name}.dll");
        var output = await PackedPackages.RunAsync(folder, program);
        foreach (var snippet in snippets.Where(snippet => snippet.Kind is SnippetKind.Body or SnippetKind.Test))
            Assert.Contains($"ran {snippet.Name}{Environment.NewLine}", output, StringComparison.Ordinal);
        foreach (var snippet in snippets.Where(snippet => snippet.Kind == SnippetKind.Server))
            await ServeAsync(folder, program, snippet.Name);
    }

    // A host ends by SIGTERM. If it listens, it serves the pair of the files.
    private static async Task ServeAsync(string folder, string program, string snippet)
    {
        const string listening = "Now listening on: ";
        using var limit = new CancellationTokenSource(TimeSpan.FromMinutes(1));
        using var server = Process.Start(new ProcessStartInfo(Environment.ProcessPath!, [program, snippet]) { WorkingDirectory = folder, RedirectStandardOutput = true })!;
        try
        {
            List<string> lines = [];
            while (!lines.Exists(line => line.Contains("Application started", StringComparison.Ordinal)))
                lines.Add(await server.StandardOutput.ReadLineAsync(limit.Token) ?? throw new InvalidOperationException($"{snippet} has ended: {string.Join(Environment.NewLine, lines)}"));
            if (lines.Find(line => line.Contains(listening, StringComparison.Ordinal)) is { } address)
            {
                using var connection = new TcpClient();
                await connection.ConnectAsync(IPAddress.Loopback, new Uri(address.Split(listening)[1].Replace("[::]", "localhost", StringComparison.Ordinal)).Port, limit.Token);
                await using var tls = new SslStream(connection.GetStream());
                await tls.AuthenticateAsClientAsync(
                    new SslClientAuthenticationOptions { TargetHost = "localhost", RemoteCertificateValidationCallback = (_, certificate, _, _) => certificate is not null },
                    limit.Token);
                Assert.Equal("CN=snippets", tls.RemoteCertificate!.Subject);
            }

            using var kill = Process.Start("kill", ["-TERM", $"{server.Id}"]);
            await server.StandardOutput.ReadToEndAsync(limit.Token);
            await server.WaitForExitAsync(limit.Token);
            Assert.Equal(0, server.ExitCode);
        }
        finally
        {
            if (!server.HasExited)
                server.Kill(entireProcessTree: true);
        }
    }

    private static void WriteFiles(string folder)
    {
        var authority = new TestAuthority("authority");
        var pair = new TestLeaf { Subject = new X500DistinguishedName("CN=snippets"), Issuer = authority }.Make();
        foreach (var name in (string[])["tls", "client"])
        {
            File.WriteAllText(Path.Combine(folder, $"{name}.crt"), pair.CertificatePem);
            File.WriteAllText(Path.Combine(folder, $"{name}.key"), pair.KeyPem);
        }

        foreach (var name in (string[])["clients", "servers"])
            File.WriteAllText(Path.Combine(folder, $"{name}.pem"), authority.CertificatePem);
        File.WriteAllText(Path.Combine(folder, "clients.crl"), new TestRevocationList { Issuer = authority }.MakePem());
    }

    private async Task BuildAsync(string folder, string name, string sdk, string[] references)
    {
        await File.WriteAllTextAsync(Path.Combine(folder, "Given.cs"), Snippets.Given);
        await File.WriteAllTextAsync(Path.Combine(folder, "Program.cs"), Snippets.Program);
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
                <OutputType>Exe</OutputType>
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
