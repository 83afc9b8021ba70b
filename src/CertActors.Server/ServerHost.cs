using System.Net;
using Akka.Actor;
using Akka.Hosting;
using CertActors.AspNetCore;
using CertActors.Hosting;
using Microsoft.AspNetCore.Connections;
using Microsoft.AspNetCore.Hosting.Server;
using Microsoft.AspNetCore.Hosting.Server.Features;
using Microsoft.AspNetCore.Server.Kestrel.Core;

namespace CertActors.Server;

/// <summary>Puts the server together: Akka.Hosting, the certificates, Kestrel, two pages.</summary>
internal static class ServerHost
{
    private static readonly TimeSpan StatusTimeLimit = TimeSpan.FromSeconds(5);

    /// <summary>How long requests that are under way may take once the server ends; Kubernetes kills after 30 s.</summary>
    private static readonly TimeSpan DrainLimit = TimeSpan.FromSeconds(6);

    /// <summary>How long the end may take, whatever hangs.</summary>
    private static readonly TimeSpan EndLimit = TimeSpan.FromSeconds(8);

    /// <summary>
    /// Makes the server. Its start fails with <see cref="CertificateNotLoadedException"/> where the pair can't be loaded,
    /// and with <see cref="IOException"/> where the address can't be listened on. SIGHUP reloads once a pair is served; the caller ends it.
    /// </summary>
    public static WebApplication Build(CertificateOptions pair, IPEndPoint endpoint, LogLevel logLevel, int? maxConnections, Signals signals)
    {
        // Nothing is configured by files: watching for them would only fail where the user's inotify instances are used up. The working
        // directory, which is the content root otherwise, may be gone.
        var builder = WebApplication.CreateSlimBuilder(new WebApplicationOptions
        {
            Args = ["--hostBuilder:reloadConfigOnChange=false"],
            ContentRootPath = AppContext.BaseDirectory,
        });
        builder.Logging.ClearProviders();
        builder.Logging.AddProvider(new OutputLoggerProvider(Output.Standard));
        builder.Logging.SetMinimumLevel(LogLevel.Error);
        builder.Logging.AddFilter("CertActors", logLevel);

        // A failed start is told once, on standard error, by whoever has started the host.
        builder.Logging.AddFilter("Microsoft.Extensions.Hosting", LogLevel.None);

        builder.Services.AddCertificates(new CertificateSupervisorOptions { Certificates = [pair], StopOnFailedFirstLoad = true });
        builder.Services.AddAkka("certactors", akka => akka
            // The host stops the actors, in its own order; Akka's hook would stop them as soon as Ctrl+C is pressed.
            .AddHocon("akka.coordinated-shutdown.run-by-clr-shutdown-hook = off, akka.stdout-loglevel = OFF", HoconAddMode.Prepend)
            .ConfigureLoggers(loggers =>
            {
                loggers.ClearLoggers();
                loggers.AddLoggerFactory();
            })
            .WithCertificates());
        builder.Services.AddSingleton(signals);
        builder.Services.AddSingleton<IHostLifetime>(signals);
        builder.Services.AddHostedService<FirstLoad>();
        builder.Services.Configure<HostOptions>(host => host.ShutdownTimeout = DrainLimit);
        var most = Math.Min(maxConnections ?? int.MaxValue, ConnectionLimit.OfThisProcess());
        builder.Services.AddSingleton<IConnectionListenerFactory>(services => ActivatorUtilities.CreateInstance<BoundedTransport>(services, most));
        builder.WebHost.UseKestrelHttpsConfiguration();
        builder.WebHost.ConfigureKestrel(kestrel =>
        {
            kestrel.AddServerHeader = false;
            kestrel.Listen(endpoint, listen =>
            {
                listen.Protocols = HttpProtocols.Http1AndHttp2;
                listen.UseCertificates();
            });
        });

        var app = builder.Build();
        app.MapGet("/", (CertificateHolder holder) => $"CertActors serves {holder.Current}.\n");
        app.MapGet("/status", async (IRequiredActor<CertificateSupervisor> supervisor, CancellationToken cancelled) =>
            StatusPage.Of(await supervisor.ActorRef.Ask<CertificateSupervisorStatus>(GetStatus.Instance, StatusTimeLimit, cancelled)));
        return app;
    }

    public static IPEndPoint ListensOn(this WebApplication app)
    {
        var address = new Uri(app.Services.GetRequiredService<IServer>().Features.Get<IServerAddressesFeature>()!.Addresses.Single());
        return new IPEndPoint(IPAddress.Parse(address.Host), address.Port);
    }

    /// <summary>Ends it, also where its start has failed: requests under way first, and within 10 s.</summary>
    public static async Task EndAsync(this WebApplication app)
    {
        try
        {
            await StopAsync().WaitAsync(EndLimit);
        }
        catch (Exception error) when (error is TimeoutException or OperationCanceledException)
        {
            // What hangs ends with the process.
        }

        async Task StopAsync()
        {
            await app.StopAsync(CancellationToken.None);
            await app.DisposeAsync();
        }
    }

    /// <summary>Starts after the actors and before Kestrel, so that nobody connects to a server without a certificate.</summary>
    private sealed class FirstLoad(CertificateHolder holder, IRequiredActor<CertificateSupervisor> supervisor, Signals signals) : IHostedService
    {
        public async Task StartAsync(CancellationToken cancellationToken)
        {
            // A reload that is asked for doesn't wait for the second half of a rotation, as the first load does: SIGHUP is kept for after it.
            await holder.WaitForFirstAsync(Timeout.InfiniteTimeSpan, cancellationToken);
            var actor = supervisor.ActorRef;
            signals.HangUpDoes(() => actor.Tell(new ReloadNow()));
        }

        public Task StopAsync(CancellationToken cancellationToken) => Task.CompletedTask;
    }
}
