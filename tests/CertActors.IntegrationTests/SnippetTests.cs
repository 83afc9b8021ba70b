using System.Net;
using System.Net.Security;
using System.Net.Sockets;
using System.Security.Cryptography.X509Certificates;
using CertActors.Tests.Support;

namespace CertActors.IntegrationTests;

/// <summary>The snippets of the READMEs, copied as they are into projects that use the packed packages.</summary>
[Collection(nameof(PackedPackages))]
public sealed class SnippetTests(PackedPackages packages)
{
    private const string Subject = "CN=snippets";

    private static readonly TimeSpan Generous = TimeSpan.FromSeconds(60);

    // What a reader's project has, by the kind of snippets.
    private static readonly Dictionary<string, (string Sdk, string[] References)> Projects = new()
    {
        ["core"] = ("Microsoft.NET.Sdk", ["CertActors"]),
        ["hosting"] = ("Microsoft.NET.Sdk", ["CertActors.Hosting", "Microsoft.Extensions.Hosting"]),
        ["testkit"] = ("Microsoft.NET.Sdk", ["CertActors.TestKit", "Akka.TestKit.Xunit2", "xunit"]),
        ["web"] = ("Microsoft.NET.Sdk.Web", ["CertActors.AspNetCore", "CertActors.Hosting", "Grpc.Net.Client"]),
    };

    [Theory]
    [InlineData("core")]
    [InlineData("hosting")]
    [InlineData("testkit")]
    [InlineData("web")]
    public async Task Every_snippet_of_the_READMEs_compiles_as_it_is_and_runs_with_them(string project)
    {
        var program = await ProgramAsync(project);
        var output = await PackedPackages.RunAsync(program.Folder, program.Path);
        foreach (var snippet in program.Snippets)
        {
            switch (snippet.Kind)
            {
                case SnippetKind.Body or SnippetKind.Test:
                    Assert.Contains($"ran {snippet.Name}{Environment.NewLine}", output, StringComparison.Ordinal);
                    break;
                case SnippetKind.Host:
                    await ServeAsync(program, snippet);
                    break;
                case SnippetKind.Listener:
                    await ShakeHandsAsync(program, snippet);
                    break;
            }
        }

        // The hook vetoes the second generation outside of its hours.
        if (program.Snippets.Any(snippet => snippet.Kind == SnippetKind.Declaration))
        {
            Assert.Contains("default has generation 1", output, StringComparison.Ordinal);
            Assert.Matches("default has generation 2|outside of the maintenance window", output);
        }
    }

    [UserNamespaceFact]
    public async Task Without_inotify_the_first_example_serves_and_rotates_if_the_host_does_not_watch_its_own_configuration()
    {
        var program = await ProgramAsync("web");
        var example = program.Snippets.First(snippet => snippet.Readme == Path.Combine(PackedPackages.Repository, "README.md"));
        var folder = packages.CreateFolder("without-inotify");
        WriteFiles(folder);
        string[] command = [.. UserNamespaceFactAttribute.WithoutInotify, Environment.ProcessPath!, program.Path, example.Name];

        using (var watching = ServerProcess.StartProgram(folder, command))
        {
            Assert.NotEqual(0, await watching.ExitAsync());
            Assert.Contains(watching.Errors, line => line.Contains("System.IO.IOException", StringComparison.Ordinal) && line.Contains("inotify", StringComparison.Ordinal));
        }

        using var server = ServerProcess.StartProgram(folder, command, ("DOTNET_HOSTBUILDER__RELOADCONFIGONCHANGE", "false"));
        var port = (await server.ListensAsync()).Port;
        var first = await CertificateAsync(port);
        File.Copy(Path.Combine(folder, "etc/tls/next.crt"), Path.Combine(folder, "etc/tls/tls.crt"), overwrite: true);
        File.Copy(Path.Combine(folder, "etc/tls/next.key"), Path.Combine(folder, "etc/tls/tls.key"), overwrite: true);
        await Wait.UntilAsync(async () => await CertificateAsync(port) != first);
        await server.SignalAsync("TERM");
        Assert.Equal(0, await server.ExitAsync());
    }

    private async Task<SnippetProgram> ProgramAsync(string project)
    {
        if (packages.Programs.TryGetValue(project, out var built))
            return built;
        var folder = packages.CreateFolder(project);
        Snippet[] snippets =
        [
            .. ((string[])[".", "src/CertActors", "src/CertActors.AspNetCore", "src/CertActors.Hosting", "src/CertActors.TestKit"])
                .SelectMany(readme => Snippets.Read(Path.GetFullPath(Path.Combine(PackedPackages.Repository, readme, "README.md"))))
                .Where(snippet => ProjectOf(snippet) == project),
        ];
        WriteFiles(folder);
        foreach (var snippet in snippets)
            snippet.WriteTo(folder);
        await File.WriteAllTextAsync(Path.Combine(folder, "Program.cs"), Snippets.Program);
        if (project is "core" or "web")
            await File.WriteAllTextAsync(Path.Combine(folder, "Given.cs"), Snippets.Given);
        string[] declared = [.. snippets.Where(snippet => snippet.Kind == SnippetKind.Declaration).Select(snippet => $"global using {snippet.Name};")];
        if (declared.Length > 0)
            await File.WriteAllTextAsync(Path.Combine(folder, "Uses.cs"), string.Concat(declared) + Snippets.Uses);
        await BuildAsync(project, folder);
        return packages.Programs[project] = new SnippetProgram(Path.Combine(folder, $"bin/Debug/net10.0/{project}.dll"), folder, snippets);
    }

    private static string ProjectOf(Snippet snippet) =>
        snippet.Readme.EndsWith("CertActors.Hosting/README.md", StringComparison.Ordinal) ? "hosting"
        : snippet.Has("TestKit") ? "testkit"
        : snippet.Has("CertActors.AspNetCore") || snippet.Has("CertActors.Hosting") || snippet.Has("builder") || snippet.Has("Grpc") ? "web"
        : "core";

    // What serves has the pair of the files. What only operators may see is refused.
    private static async Task ServeAsync(SnippetProgram program, Snippet snippet)
    {
        using var server = Start(program, snippet);
        await Wait.UntilAsync(() => server.HasExited || server.Output.Any(line => line.Contains("Application started", StringComparison.Ordinal)));
        Assert.False(server.HasExited, $"{snippet.Name} has ended: {string.Join(Environment.NewLine, [.. server.Output, .. server.Errors])}");
        if (snippet.Has("8443"))
        {
            var port = (await server.ListensAsync()).Port;
            using var client = Client(program);
            using var answer = await client.GetAsync(new Uri($"https://localhost:{port}/certificates"));
            if (snippet.Has("MapCertificates"))
                Assert.Contains(answer.StatusCode, (HttpStatusCode[])[HttpStatusCode.Found, HttpStatusCode.Unauthorized, HttpStatusCode.Forbidden]);
            else
                Assert.Equal(HttpStatusCode.NotFound, answer.StatusCode);
        }

        await server.SignalAsync("TERM");
        Assert.Equal(0, await server.ExitAsync());
    }

    private static async Task ShakeHandsAsync(SnippetProgram program, Snippet snippet)
    {
        using var server = Start(program, snippet);
        await CertificateAsync(await server.PortAsync());
        Assert.Equal(0, await server.ExitAsync());
    }

    private static ServerProcess Start(SnippetProgram program, Snippet snippet) =>
        ServerProcess.StartProgram(program.Folder, [Environment.ProcessPath!, program.Path, snippet.Name]);

    // Servers that ask for a client's certificate get one.
    private static HttpClient Client(SnippetProgram program)
    {
        var handler = new SocketsHttpHandler { AllowAutoRedirect = false };
        handler.SslOptions.ClientCertificates = [X509Certificate2.CreateFromPemFile(Path.Combine(program.Folder, "etc/tls/client.crt"), Path.Combine(program.Folder, "etc/tls/client.key"))];
        handler.SslOptions.RemoteCertificateValidationCallback = (_, certificate, _, _) => certificate?.Subject == Subject;
        return new HttpClient(handler);
    }

    /// <returns>The serial number of the certificate that is served.</returns>
    private static async Task<string> CertificateAsync(int port)
    {
        using var connection = new TcpClient();
        await connection.ConnectAsync(IPAddress.Loopback, port).WaitAsync(Generous);
        await using var tls = new SslStream(connection.GetStream());
        await tls.AuthenticateAsClientAsync(new SslClientAuthenticationOptions
        {
            TargetHost = "localhost",
            RemoteCertificateValidationCallback = (_, certificate, _, _) => certificate?.Subject == Subject,
        }).WaitAsync(Generous);
        return tls.RemoteCertificate!.GetSerialNumberString();
    }

    private static void WriteFiles(string folder)
    {
        var files = Directory.CreateDirectory(Path.Combine(folder, "etc/tls")).FullName;
        var authority = new TestAuthority("authority");
        foreach (var name in (string[])["tls", "next", "client"])
        {
            var pair = new TestLeaf { Subject = new X500DistinguishedName(Subject), Names = ["localhost", "www.example.com", "orders.example.com"], Issuer = authority }.Make();
            File.WriteAllText(Path.Combine(files, $"{name}.crt"), pair.CertificatePem);
            File.WriteAllText(Path.Combine(files, $"{name}.key"), pair.KeyPem);
        }

        foreach (var name in (string[])["clients", "servers", "company"])
            File.WriteAllText(Path.Combine(files, $"{name}.pem"), authority.CertificatePem);
        File.WriteAllText(Path.Combine(files, "clients.crl"), new TestRevocationList { Issuer = authority }.MakePem());

        // The configuration that the README has for its second example.
        var json = File.ReadAllText(Path.Combine(PackedPackages.Repository, "README.md")).Split("```json")[1].Split("```")[0];
        File.WriteAllText(Path.Combine(folder, "appsettings.json"), Snippets.Local(json));
    }

    private async Task BuildAsync(string project, string folder)
    {
        var (sdk, references) = Projects[project];
        await File.WriteAllTextAsync(
            Path.Combine(folder, "Directory.Packages.props"),
            $"""
            <Project>
              <Import Project="{PackedPackages.Repository}/Directory.Packages.props" />
              <ItemGroup>
                {string.Concat(PackageTests.All.Select(id => $"<PackageVersion Include=\"{id}\" Version=\"[{packages.Version}]\" />"))}
              </ItemGroup>
            </Project>
            """);
        await File.WriteAllTextAsync(
            Path.Combine(folder, $"{project}.csproj"),
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
