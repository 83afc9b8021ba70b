using System.Text.RegularExpressions;

namespace CertActors.IntegrationTests;

/// <summary>Turns the snippets of a README (fences with <c>csharp</c>) into a program that runs them.</summary>
/// <remarks>
/// A snippet is complete. One that is a part of something else says so in its first comment, <c>// Needs holder and tls, …</c>: it is given what the
/// comment names, and nothing else. A snippet that declares a public type is a file; any other is the body of a method. Its files are below the working
/// directory, and its port is any free one.
/// </remarks>
internal static class Snippets
{
    /// <summary>What the comment of a snippet may name: <c>holder</c>, <c>tls</c> and <c>builder</c>.</summary>
    public const string Given =
        """
        using System.Net;
        using System.Net.Security;
        using System.Net.Sockets;
        using System.Security.Cryptography.X509Certificates;
        using Akka.Actor;
        using CertActors;
        #if IS_WEB
        using Akka.Hosting;
        using CertActors.AspNetCore;
        using CertActors.Hosting;
        #endif

        internal static class Given
        {
            private static CertificatesOptions Options => new()
            {
                Certificates =
                [
                    new CertificateOptions { CertificatePath = "etc/tls/tls.crt", KeyPath = "etc/tls/tls.key" },
                    new CertificateOptions { Name = "client", Purpose = CertificatePurpose.ClientAuthentication, CertificatePath = "etc/tls/client.crt", KeyPath = "etc/tls/client.key" },
                ],
                TrustBundles =
                [
                    new TrustBundleOptions { Name = "clients", CertificatePaths = ["etc/tls/clients.pem"] },
                    new TrustBundleOptions { Name = "servers", CertificatePaths = ["etc/tls/servers.pem"] },
                ],
            };

            public static async Task<CertificateHolder> HolderAsync()
            {
                var holder = new CertificateHolder();
                await CertificateSupervisor.StartAsync(ActorSystem.Create("given"), holder, Options);
                await holder.WaitForAllAsync(TimeSpan.FromSeconds(30));
                return holder;
            }

            /// <summary>A connection whose peer shakes hands as soon as the snippet does.</summary>
            public static async Task<(SslStream Tls, Task Peer)> ConnectAsync(bool isClient)
            {
                using var listener = new TcpListener(IPAddress.Loopback, 0);
                listener.Start();
                var connection = new TcpClient();
                await connection.ConnectAsync((IPEndPoint)listener.LocalEndpoint);
                var peer = new SslStream((await listener.AcceptTcpClientAsync()).GetStream());
                return (new SslStream(connection.GetStream()), isClient
                    ? peer.AuthenticateAsServerAsync(new SslServerAuthenticationOptions { ServerCertificate = Pair("tls"), ClientCertificateRequired = true, RemoteCertificateValidationCallback = Accept })
                    : peer.AuthenticateAsClientAsync(new SslClientAuthenticationOptions { TargetHost = "www.example.com", ClientCertificates = [Pair("client")], RemoteCertificateValidationCallback = Accept }));
            }

            private static X509Certificate2 Pair(string name) => X509Certificate2.CreateFromPemFile($"etc/tls/{name}.crt", $"etc/tls/{name}.key");

            private static bool Accept(object sender, X509Certificate? certificate, X509Chain? chain, SslPolicyErrors errors) => certificate is not null;
        #if IS_WEB

            /// <summary>Starts the server that a snippet is a part of.</summary>
            public static async Task ServeAsync(WebApplicationBuilder builder, bool hasEndpoint)
            {
                builder.Services.AddCertificates(Options);
                builder.Services.AddAkka("given", akka => akka.WithCertificates(TimeSpan.FromSeconds(30)));
                if (!hasEndpoint)
                    builder.WebHost.ConfigureKestrel(kestrel => kestrel.ListenAnyIP(0, listen => listen.UseCertificates()));
                await using var app = builder.Build();
                await app.StartAsync();
                app.Services.GetService<IHttpClientFactory>()?.CreateClient("orders");
                using var connection = new TcpClient();
                await connection.ConnectAsync(IPAddress.Loopback, new Uri(app.Urls.First()).Port);
                await using var tls = new SslStream(connection.GetStream());
                await tls.AuthenticateAsClientAsync(new SslClientAuthenticationOptions { TargetHost = "localhost", RemoteCertificateValidationCallback = Accept });
                await app.StopAsync();
            }
        #endif
        }
        """;

    /// <summary>Uses the types that the README declares.</summary>
    public const string Uses =
        """
        using Akka.Actor;
        using CertActors;

        namespace Snippets.Uses;

        static class Snippet
        {
            public static async Task RunAsync(string[] args)
            {
                Write("tls");
                var (system, holder) = (ActorSystem.Create("uses"), new CertificateHolder());
                var options = new CertificatesOptions { Certificates = [new CertificateOptions { CertificatePath = "etc/tls/used.crt", KeyPath = "etc/tls/used.key" }] };
                var supervisor = await CertificateSupervisor.StartAsync(system, holder, options, hooks: [new MaintenanceWindow()]);
                var log = system.ActorOf(Props.Create(() => new RotationLog(supervisor)));
                await log.Ask<ActorIdentity>(new Identify(null), TimeSpan.FromSeconds(30)); // It has subscribed.
                await holder.WaitForFirstAsync(TimeSpan.FromSeconds(30));

                // Within the maintenance window, it is accepted.
                Write("next");
                await supervisor.Ask<ReloadNowResult>(new ReloadNow(), TimeSpan.FromSeconds(30));
                await log.Ask<ActorIdentity>(new Identify(null), TimeSpan.FromSeconds(30));
            }

            private static void Write(string name)
            {
                foreach (var extension in (string[])["crt", "key"])
                    File.Copy($"etc/tls/{name}.{extension}", $"etc/tls/used.{extension}", overwrite: true);
            }
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
                var types = typeof(Program).Assembly.GetTypes();
                foreach (var type in types.Where(type => names.Length > 0 ? type.Namespace == names[0] && type.Name is "Snippet" or "Server" : type.Name == "Snippet"))
                {
                    await (Task)type.GetMethod("RunAsync")!.Invoke(null, [Array.Empty<string>()])!;
                    Console.WriteLine($"ran {type.Namespace}");
                }

                foreach (var test in types.SelectMany(type => type.GetMethods()).Where(IsTest).Where(_ => names.Length == 0))
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

    /// <returns>The snippets of a README.</returns>
    public static IReadOnlyList<Snippet> Read(string readme)
    {
        const string open = "```csharp", close = "```";
        var lines = File.ReadAllLines(readme);
        List<Snippet> read = [];
        for (var start = 0; start < lines.Length; start++)
        {
            if (lines[start].Trim() != open)
                continue;
            var end = Array.FindIndex(lines, start, line => line.Trim() == close);
            var name = Regex.Replace($"{Path.GetFileName(Path.GetDirectoryName(readme))}_{start + 1}", "[^A-Za-z0-9]", "_");
            read.Add(new Snippet($"Snippets.Of_{name}", readme, start + 2, lines[(start + 1)..end]));
            start = end;
        }

        return read;
    }

    /// <returns>A text with paths below the working directory, and any free port.</returns>
    public static string Local(string text) => text.Replace("/etc/tls/", "etc/tls/", StringComparison.Ordinal).Replace("8443", "0", StringComparison.Ordinal);
}

/// <summary>A snippet of a README.</summary>
/// <param name="Name">Its namespace.</param>
/// <param name="Readme">The README.</param>
/// <param name="Line">The number of its first line there.</param>
/// <param name="Lines">The snippet.</param>
internal sealed record Snippet(string Name, string Readme, int Line, string[] Lines)
{
    private const string Needs = "// Needs ";

    public SnippetKind Kind { get; } =
        Lines.Any(line => line.Contains("[Fact]", StringComparison.Ordinal)) ? SnippetKind.Test
        : Lines.Any(line => line.StartsWith("public ", StringComparison.Ordinal)) ? SnippetKind.Declaration
        : Lines.Any(line => line.Contains(".Run();", StringComparison.Ordinal) || line.Contains(".RunAsync();", StringComparison.Ordinal)) ? SnippetKind.Host
        : Lines.Any(line => line.Contains(".AcceptTcpClientAsync()", StringComparison.Ordinal)) ? SnippetKind.Listener
        : SnippetKind.Body;

    public bool Has(string text) => Lines.Any(line => line.Contains(text, StringComparison.Ordinal));

    /// <summary>Writes it to a file of a folder.</summary>
    public void WriteTo(string folder)
    {
        var start = Array.FindIndex(Lines, line => line.Length > 0 && !Regex.IsMatch(line, "^using [A-Z][A-Za-z0-9.]*;"));
        string[] code = [$"#line {Line + start} \"{Readme}\"", .. Lines[start..].Select(Snippets.Local), "#line default"]; // Errors are reported where the README has them.
        File.WriteAllLines(
            Path.Combine(folder, $"{Name}.cs"),
            [.. Lines[..start], $"namespace {Name};", .. Kind is SnippetKind.Test or SnippetKind.Declaration ? code : Method(code, Lines[start])]);
    }

    private string[] Method(string[] code, string first)
    {
        string[] needed = first.StartsWith(Needs, StringComparison.Ordinal) ? [.. Regex.Matches(first, @"\b(holder|tls|builder)\b").Select(name => name.Value)] : [];
        var settings = Has(".Endpoint(\"Api\"") ? "\"--Kestrel:Endpoints:Api:Url=https://127.0.0.1:0\"" : "";
        return
        [
            $"static class {(Kind == SnippetKind.Body ? "Snippet" : "Server")} {{", "public static async Task RunAsync(string[] args) {",
            .. needed.Select(name => name switch
            {
                "holder" => "var holder = await Given.HolderAsync();",
                "tls" => $"var (tls, given_peer) = await Given.ConnectAsync(isClient: {(Has("AsClientAsync") ? "true" : "false")});",
                _ => $"var builder = WebApplication.CreateBuilder([{settings}]);",
            }),
            .. code,
            .. needed.Select(name => name switch
            {
                "holder" => "",
                "tls" => "await given_peer;",
                _ => $"await Given.ServeAsync(builder, hasEndpoint: {(Has("ConfigureKestrel") ? "true" : "false")});",
            }),
            "await Task.Yield();", "} }",
        ];
    }
}

internal enum SnippetKind
{
    /// <summary>Statements that end.</summary>
    Body,

    /// <summary>A host, which ends when it is stopped.</summary>
    Host,

    /// <summary>A server that ends with its first connection.</summary>
    Listener,

    Test,

    /// <summary>A type, which <see cref="Snippets.Uses"/> uses.</summary>
    Declaration,
}
