using System.Globalization;
using System.Net;
using System.Net.Security;
using System.Net.Sockets;
using System.Security.Cryptography.X509Certificates;
using Akka.Actor;
using CertActors.AspNetCore;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Hosting.Server;
using Microsoft.AspNetCore.Hosting.Server.Features;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.AspNetCore.Server.Kestrel.Https;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;

namespace CertActors.Benchmarks;

/// <summary>A Kestrel in a process of its own, with one pair and one trust bundle.</summary>
internal static class HandshakeServer
{
    public const string Command = "serve";
    public const string Fixed = "fixed";
    public const string Holder = "holder";
    public const string Drain = "drain";
    public const string MutualFixed = "mutual-fixed";
    public const string Mutual = "mutual";
    public const string Configured = "configured";

    private const string Bundle = "clients";
    private const string ForClients = "1.3.6.1.5.5.7.3.2";

    /// <summary>How long the drain of a generation takes.</summary>
    public static readonly TimeSpan DrainWindow = TimeSpan.FromSeconds(20);

    /// <summary>What it serves, and what it verifies clients against.</summary>
    public sealed record Files(string Directory, string Certificate, string Key, string Authorities);

    public static Files FilesIn(string directory) =>
        new(directory, Path.Combine(directory, "tls.crt"), Path.Combine(directory, "tls.key"), Path.Combine(directory, "ca.crt"));

    public static async Task<int> RunAsync(string kind, string directory)
    {
        var files = FilesIn(directory);
        if (kind == Configured)
            return await RunConfiguredAsync(files);

        // All run the actors, so that the comparison is of the handshake alone.
        using var system = ActorSystem.Create("benchmark", "akka.loglevel = WARNING");
        var holder = new CertificateHolder();
        system.ActorOf(CertificateSupervisor.Props(holder, new CertificatesOptions
        {
            Certificates = [new CertificateOptions { CertificatePath = files.Certificate, KeyPath = files.Key }],
            TrustBundles = File.Exists(files.Authorities) ? [new TrustBundleOptions { Name = Bundle, CertificatePaths = [files.Authorities] }] : [],
        }));
        await holder.WaitForFirstAsync();

        var builder = WebApplication.CreateSlimBuilder(["--hostBuilder:reloadConfigOnChange=false"]);
        builder.Logging.ClearProviders();
        builder.WebHost.UseKestrelHttpsConfiguration();
        builder.WebHost.ConfigureKestrel(kestrel =>
        {
            // Idle connections stay open while thousands of others are opened.
            kestrel.Limits.KeepAliveTimeout = TimeSpan.FromHours(1);
            kestrel.Listen(IPAddress.Loopback, 0, listen => Listen(listen, kind, holder, files));
        });
        return await RunAsync(builder.Build());
    }

    /// <summary>A Kestrel without this library, whose configuration names the files.</summary>
    private static async Task<int> RunConfiguredAsync(Files files)
    {
        // A port of its own: with port 0, it listens elsewhere after each reload.
        int port;
        using (var free = new TcpListener(IPAddress.Loopback, 0))
        {
            free.Start();
            port = ((IPEndPoint)free.LocalEndpoint).Port;
        }

        var builder = WebApplication.CreateSlimBuilder(
        [
            $"--Kestrel:Endpoints:Https:Url=https://127.0.0.1:{port}",
            $"--Kestrel:Endpoints:Https:Certificate:Path={files.Certificate}",
            $"--Kestrel:Endpoints:Https:Certificate:KeyPath={files.Key}",
        ]);
        builder.Logging.ClearProviders();
        builder.WebHost.UseKestrelHttpsConfiguration();
        builder.WebHost.ConfigureKestrel((context, kestrel) => kestrel.Configure(context.Configuration.GetSection("Kestrel"), reloadOnChange: true));
        return await RunAsync(builder.Build());
    }

    private static async Task<int> RunAsync(WebApplication app)
    {
        app.MapGet("/memory", () => GC.GetTotalMemory(forceFullCollection: true).ToString(CultureInfo.InvariantCulture));
        await app.StartAsync();
        Console.WriteLine(app.Services.GetRequiredService<IServer>().Features.Get<IServerAddressesFeature>()!.Addresses.Single());
        await app.WaitForShutdownAsync();
        return 0;
    }

    private static void Listen(ListenOptions listen, string kind, CertificateHolder holder, Files files)
    {
        switch (kind)
        {
            case Fixed:
                listen.UseHttps(X509Certificate2.CreateFromPemFile(files.Certificate, files.Key));
                break;
            case Holder:
                listen.UseCertificates(holder);
                break;
            case Drain:
                listen.UseCertificates(holder).UseCertificateDrain(drain => (drain.GracePeriod, drain.DrainWindow) = (TimeSpan.Zero, DrainWindow));
                break;
            case MutualFixed:
                UseFixedAuthorities(listen, files);
                break;
            case Mutual:
                listen.UseCertificates(holder, options => (options.ClientCertificates, options.TrustBundle) = (ClientCertificates.Require, Bundle));
                break;
            default:
                throw new ArgumentOutOfRangeException(nameof(kind), kind, message: null);
        }
    }

    /// <summary>What a user would write by hand, with certificates that never change.</summary>
    private static void UseFixedAuthorities(ListenOptions listen, Files files)
    {
        var certificate = SslStreamCertificateContext.Create(
            X509Certificate2.CreateFromPemFile(files.Certificate, files.Key), additionalCertificates: null, offline: true);
        var policy = new X509ChainPolicy
        {
            TrustMode = X509ChainTrustMode.CustomRootTrust,
            RevocationMode = X509RevocationMode.NoCheck,
            DisableCertificateDownloads = true,
            ApplicationPolicy = { new(ForClients) },
        };
        policy.CustomTrustStore.ImportFromPemFile(files.Authorities);
        listen.UseHttps(new TlsHandshakeCallbackOptions
        {
            OnConnection = _ => ValueTask.FromResult(new SslServerAuthenticationOptions
            {
                ServerCertificateContext = certificate,
                ClientCertificateRequired = true,
                CertificateChainPolicy = policy,
                RemoteCertificateValidationCallback = (_, client, _, errors) => client is not null && errors == SslPolicyErrors.None,
            }),
        });
    }
}
