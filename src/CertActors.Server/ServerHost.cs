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

/// <summary>Builds the server: Akka.Hosting, the certificates, Kestrel and its pages.</summary>
internal static class ServerHost
{
    private const string Page = "/certificates";

    /// <summary>How long requests in progress may take once the server ends. Kubernetes kills a process after 30 s.</summary>
    private static readonly TimeSpan DrainLimit = TimeSpan.FromSeconds(6);

    /// <summary>How long the end of the server may take.</summary>
    private static readonly TimeSpan EndLimit = TimeSpan.FromSeconds(8);

    /// <summary>
    /// Builds the server. Its start fails with <see cref="CertificateNotLoadedException"/> if the pair cannot be loaded, and with
    /// <see cref="IOException"/> if the address cannot be listened on. SIGHUP reloads once a pair is served. The caller ends the server.
    /// </summary>
    public static WebApplication Build(CertificateOptions pair, IPEndPoint endpoint, LogLevel logLevel, int? maxConnections, Signals signals)
    {
        // No configuration files: watching them would fail when the user's inotify instances are used up. No working directory, which is the
        // default content root: it may have been deleted.
        var builder = WebApplication.CreateSlimBuilder(new WebApplicationOptions
        {
            Args = ["--hostBuilder:reloadConfigOnChange=false"],
            ContentRootPath = AppContext.BaseDirectory,
        });
        builder.Logging.ClearProviders();
        builder.Logging.AddProvider(new OutputLoggerProvider(Output.Standard));
        builder.Logging.SetMinimumLevel(LogLevel.Error);
        builder.Logging.AddFilter("CertActors", logLevel);

        // The caller reports a failed start, once, on standard error.
        builder.Logging.AddFilter("Microsoft.Extensions.Hosting", LogLevel.None);
        builder.Logging.AddFilter("CertActors.Hosting", LogLevel.None);

        // Validated here, so that the caller reports what is wrong with its arguments.
        builder.Services.AddCertificates(new CertificatesOptions { Certificates = [pair], StopOnFailedFirstLoad = true }.Validated());
        builder.Services.AddAkka("certactors", akka => akka
            // The host stops the actors in its own order; Akka's hook would stop them as soon as Ctrl+C is pressed.
            .AddHocon("akka.coordinated-shutdown.run-by-clr-shutdown-hook = off, akka.stdout-loglevel = OFF", HoconAddMode.Prepend)
            .ConfigureLoggers(loggers =>
            {
                loggers.ClearLoggers();
                loggers.AddLoggerFactory();
            })
            .WithCertificates()
            .WithCertificateHealthCheck());
        builder.Services.AddHealthChecks();
        builder.Services.AddSingleton(signals);
        builder.Services.AddSingleton<IHostLifetime>(signals);
        builder.Services.AddHostedService<FirstLoad>();
        builder.Services.Configure<HostOptions>(host => host.ShutdownTimeout = DrainLimit);
        var max = Math.Min(maxConnections ?? int.MaxValue, ConnectionLimit.OfThisProcess());
        builder.Services.AddSingleton<IConnectionListenerFactory>(services => ActivatorUtilities.CreateInstance<BoundedTransport>(services, max));
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
        app.MapGet("/", (HttpRequest request, CertificateHolder holder) => request.GetTypedHeaders().Accept.Any(type => type.MediaType == "text/html")
            ? Results.Redirect(Page)
            : Results.Text($"CertActors serves {holder.Current}.\n"));
        foreach (var pattern in (string[])[Page, "/status"])
            app.MapCertificates(pattern).AddEndpointFilter((context, next) => IsLocal(context.HttpContext) ? next(context) : ValueTask.FromResult<object?>(Results.NotFound()));
        app.MapHealthChecks("/healthz");
        return app;
    }

    // Which names are served, and when they expire, is for operators. They are on this machine, or come by a tunnel.
    private static bool IsLocal(HttpContext context) => context.Connection.RemoteIpAddress is { } address && IPAddress.IsLoopback(address);

    public static IPEndPoint ListensOn(this WebApplication app)
    {
        var address = new Uri(app.Services.GetRequiredService<IServer>().Features.Get<IServerAddressesFeature>()!.Addresses.Single());
        return new IPEndPoint(IPAddress.Parse(address.Host), address.Port);
    }

    /// <summary>Ends the server within 10 s, requests in progress first. Also after a failed start.</summary>
    public static async Task EndAsync(this WebApplication app)
    {
        try
        {
            await StopAsync().WaitAsync(EndLimit);
        }
        catch (Exception error) when (error is TimeoutException or OperationCanceledException)
        {
            // The end of the process ends whatever hangs.
        }

        async Task StopAsync()
        {
            await app.StopAsync(CancellationToken.None);
            await app.DisposeAsync();
        }
    }

    /// <summary>Starts after the actors and before Kestrel, so that no client connects to a server without a certificate.</summary>
    private sealed class FirstLoad(CertificateHolder holder, IRequiredActor<CertificateSupervisor> supervisor, Signals signals) : IHostedService
    {
        public async Task StartAsync(CancellationToken cancellationToken)
        {
            // A requested reload does not wait for the second half of a rotation, as the first load does: SIGHUP is kept until that has ended.
            await holder.WaitForFirstAsync(Timeout.InfiniteTimeSpan, cancellationToken);
            var actor = supervisor.ActorRef;
            signals.OnHangUpDo(() => actor.Tell(new ReloadNow()));
        }

        public Task StopAsync(CancellationToken cancellationToken) => Task.CompletedTask;
    }
}
