using System.Text.RegularExpressions;

namespace CertActors.IntegrationTests;

/// <summary>Turns the snippets of a README (fences with <c>csharp</c>) into a program that runs them.</summary>
/// <remarks>
/// A snippet that begins with usings is complete, but for <see cref="Given"/>. One without usings goes on from the one before it, and has those of that
/// one. A snippet that declares a public type is a file; any other is the body of a method. Its files are those of a folder, and its port is any free one.
/// </remarks>
internal static class Snippets
{
    /// <summary>What a reader has already, as members that a snippet may hide by variables of its own.</summary>
    public const string Given =
        """
        using System.Net;
        using System.Net.Security;
        using System.Net.Sockets;
        using System.Security.Cryptography.X509Certificates;
        using CertActors;
        using CertActors.TestKit;
        #if IS_WEB
        using Akka.Hosting;
        using CertActors.Hosting;
        using Microsoft.AspNetCore.Hosting.Server;
        using Microsoft.AspNetCore.Hosting.Server.Features;
        #endif

        public abstract class Given
        {
            protected readonly string[] args;
            protected readonly CertificateHolder holder;
            protected readonly SslStream tls;
            private readonly X509Certificate2 _server = TestCertificates.SelfSigned("www.example.com", "orders.example.com");
            private readonly X509Certificate2 _client = TestCertificates.SelfSigned("client");
            private readonly Task _peer;

            protected Given(bool isClient, string[] settings)
            {
                args = settings;
        #if IS_WEB
                builder = WebApplication.CreateBuilder(settings);
        #endif
                var certificates = new TestCertificates();
                certificates.Serve(_server);
                certificates.Serve(_client, "client");
                certificates.Trust("clients", _client);
                certificates.Trust("servers", _server);
                holder = certificates.Holder;

                // The peer shakes hands as soon as the snippet does.
                using var listener = new TcpListener(IPAddress.Loopback, 0);
                listener.Start();
                var connection = new TcpClient();
                connection.Connect((IPEndPoint)listener.LocalEndpoint);
                tls = new SslStream(connection.GetStream());
                var peer = new SslStream(listener.AcceptTcpClient().GetStream());
                _peer = isClient
                    ? peer.AuthenticateAsServerAsync(new SslServerAuthenticationOptions { ServerCertificate = _server, ClientCertificateRequired = true, RemoteCertificateValidationCallback = Accept })
                    : peer.AuthenticateAsClientAsync(new SslClientAuthenticationOptions { TargetHost = "www.example.com", ClientCertificates = [_client], RemoteCertificateValidationCallback = Accept });
            }

            public abstract Task RunAsync();

            protected Task PeerAsync() => _peer;

            private static bool Accept(object sender, X509Certificate? certificate, X509Chain? chain, SslPolicyErrors errors) => certificate is not null;
        #if IS_WEB

            protected readonly WebApplicationBuilder builder;

            protected IServiceCollection services => builder.Services;

            /// <summary>Starts the server that a snippet is a part of.</summary>
            protected async Task ServeAsync(string folder)
            {
                if (services.All(service => service.ServiceType != typeof(CertificateHolder)))
                    services.AddCertificates(new CertificateOptions { CertificatePath = folder + "/etc/tls/tls.crt", KeyPath = folder + "/etc/tls/tls.key" });
                services.AddAkka("snippet", akka => akka.WithCertificates(TimeSpan.FromSeconds(30)));
                await using var app = builder.Build();
                await app.StartAsync();
                var address = new Uri(app.Services.GetRequiredService<IServer>().Features.Get<IServerAddressesFeature>()!.Addresses.First());
                using var connection = new TcpClient();
                await connection.ConnectAsync(IPAddress.Loopback, address.Port);
                await using var client = new SslStream(connection.GetStream());
                await client.AuthenticateAsClientAsync(new SslClientAuthenticationOptions { TargetHost = "localhost", RemoteCertificateValidationCallback = Accept });
                await app.StopAsync();
            }
        #endif
        }
        """;

    /// <summary>Runs one snippet by its name; or all that end by themselves, and the tests among them.</summary>
    public const string Program =
        """
        using System.Reflection;

        internal static class Program
        {
            private static async Task Main(string[] names)
            {
                foreach (var type in typeof(Given).Assembly.GetTypes().Where(type => type.IsSubclassOf(typeof(Given))))
                {
                    if (names.Length > 0 ? names[0] != type.Namespace : type.Name != "Snippet")
                        continue;
                    await ((Given)Activator.CreateInstance(type)!).RunAsync();
                    Console.WriteLine($"ran {type.Namespace}");
                }

                foreach (var test in typeof(Given).Assembly.GetTypes().SelectMany(type => type.GetMethods()).Where(IsTest).Where(_ => names.Length == 0))
                {
                    using var tests = (IDisposable)Activator.CreateInstance(test.DeclaringType!)!;
                    test.Invoke(tests, null);
                    Console.WriteLine($"ran {test.DeclaringType!.Namespace}");
                }

                Environment.Exit(0);
            }

            private static bool IsTest(MethodInfo method) => method.GetCustomAttributes().Any(attribute => attribute.GetType().Name == "FactAttribute");
        }
        """;

    /// <summary>Writes each snippet of a README to a file of a folder.</summary>
    /// <returns>The snippets.</returns>
    public static IReadOnlyList<Snippet> Write(string readme, string folder)
    {
        const string open = "```csharp", close = "```";
        var lines = File.ReadAllLines(readme);
        List<Snippet> written = [];
        string[] usings = [];
        for (var start = 0; start < lines.Length; start++)
        {
            if (lines[start].Trim() != open)
                continue;
            var end = Array.FindIndex(lines, start, line => line.Trim() == close);
            var code = lines[(start + 1)..end];
            var body = Array.FindIndex(code, line => !IsUsing(line));
            if (body > 0)
                usings = code[..body];
            var name = Regex.Replace($"{Path.GetFileName(Path.GetDirectoryName(readme))}_{start + 1}", "[^A-Za-z0-9]", "_");
            var snippet = new Snippet($"Snippets.Of_{name}", KindOf(code));
            File.WriteAllLines(
                Path.Combine(folder, $"{name}.cs"),
                [.. usings, $"namespace {snippet.Name};", .. Wrap(snippet.Kind, [.. code[body..].Select(line => InFolder(line, folder))], readme, start + 2 + body, folder)]);
            written.Add(snippet);
            start = end;
        }

        return written;
    }

    /// <returns>A text with the paths of a folder, and any free port.</returns>
    public static string InFolder(string text, string folder) =>
        text.Replace("/etc/tls/", $"{folder}/etc/tls/", StringComparison.Ordinal).Replace("8443", "0", StringComparison.Ordinal);

    private static bool IsUsing(string line) => Regex.IsMatch(line, "^using [A-Z][A-Za-z0-9.]*;");

    private static SnippetKind KindOf(string[] code) =>
        Has(code, "[Fact]") ? SnippetKind.Test
        : code.Any(part => part.StartsWith("public ", StringComparison.Ordinal)) ? SnippetKind.Declaration
        : Has(code, ".Run();") || Has(code, ".RunAsync();") ? SnippetKind.Server
        : SnippetKind.Body;

    private static bool Has(string[] code, string text) => code.Any(line => line.Contains(text, StringComparison.Ordinal));

    // Errors are reported where the README has them.
    private static string[] Wrap(SnippetKind kind, string[] code, string readme, int line, string folder)
    {
        string[] body = [$"#line {line} \"{readme}\"", .. code, "#line default"];
        if (kind is SnippetKind.Test or SnippetKind.Declaration)
            return body;
        var end = Has(code, "tls.Authenticate") ? "await PeerAsync();"
            : Has(code, "builder.") && !Has(code, "var builder") ? $"await ServeAsync(\"{folder}\");"
            : "await Task.Yield();";
        var settings = Has(code, ".Endpoint(\"Api\"") ? "\"--Kestrel:Endpoints:Api:Url=https://127.0.0.1:0\"" : "";
        return
        [
            $"sealed class {(kind == SnippetKind.Server ? "Server" : "Snippet")}() : Given(isClient: {(Has(code, "AsClientAsync") ? "true" : "false")}, settings: [{settings}]) {{",
            "public override async Task RunAsync() {", .. body, end, "} }",
        ];
    }
}

/// <summary>A snippet of a README.</summary>
/// <param name="Name">Its namespace.</param>
/// <param name="Kind">What it is.</param>
internal sealed record Snippet(string Name, SnippetKind Kind);

internal enum SnippetKind
{
    /// <summary>Statements that end.</summary>
    Body,

    /// <summary>A server, which ends when it is stopped.</summary>
    Server,

    Test,

    /// <summary>A type that nothing uses: it is only compiled.</summary>
    Declaration,
}
