using System.Net;
using Akka.Actor;
using Akka.Hosting;
using CertActors.AspNetCore;
using CertActors.Hosting;
using Microsoft.AspNetCore.Hosting.Server;
using Microsoft.AspNetCore.Hosting.Server.Features;
using Microsoft.AspNetCore.Server.Kestrel.Core;

namespace CertActors.Server;

/// <summary>Puts the server together: Akka.Hosting, the certificates, Kestrel, two pages.</summary>
internal static class ServerHost
{
    private static readonly TimeSpan StatusTimeLimit = TimeSpan.FromSeconds(5);

    /// <summary>
    /// Makes the server. Its start fails with <see cref="CertificateNotLoadedException"/> where the pair can't be loaded,
    /// and with <see cref="IOException"/> where the address can't be listened on. Signals end it, unless it's given another lifetime.
    /// </summary>
    public static WebApplication Build(CertificateOptions pair, IPEndPoint endpoint, LogLevel logLevel, IHostLifetime? lifetime = null)
    {
        // Nothing is configured by files: watching for them would only fail where the user's inotify instances are used up.
        var builder = WebApplication.CreateSlimBuilder(["--hostBuilder:reloadConfigOnChange=false"]);
        builder.Logging.ClearProviders();
        builder.Logging.AddSimpleConsole(console =>
        {
            console.SingleLine = true;
            console.UseUtcTimestamp = true;
            console.TimestampFormat = "yyyy-MM-ddTHH:mm:ss.fffZ ";
        });
        builder.Logging.SetMinimumLevel(LogLevel.Error);
        builder.Logging.AddFilter("CertActors", logLevel);

        // A failed start is told once, on standard error, by whoever has started the host.
        builder.Logging.AddFilter("Microsoft.Extensions.Hosting", LogLevel.None);

        builder.Services.AddCertificates(new CertificateSupervisorOptions { Certificates = [pair], StopOnFailedFirstLoad = true });
        builder.Services.AddAkka("certactors", akka => akka
            // The host stops the actors, in its own order; Akka's hook would stop them as soon as Ctrl+C is pressed.
            .AddHocon("akka.coordinated-shutdown.run-by-clr-shutdown-hook = off", HoconAddMode.Prepend)
            .ConfigureLoggers(loggers =>
            {
                loggers.ClearLoggers();
                loggers.AddLoggerFactory();
            })
            .WithCertificates());
        builder.Services.AddHostedService<FirstLoad>();
        if (lifetime is not null)
            builder.Services.AddSingleton(lifetime);
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
            StatusPage.Of(await supervisor.ActorRef.Ask<CertificatesStatus>(GetStatus.Instance, StatusTimeLimit, cancelled)));
        return app;
    }

    public static IPEndPoint ListensOn(this WebApplication app)
    {
        var address = new Uri(app.Services.GetRequiredService<IServer>().Features.Get<IServerAddressesFeature>()!.Addresses.Single());
        return new IPEndPoint(IPAddress.Parse(address.Host), address.Port);
    }

    /// <summary>Starts after the actors and before Kestrel, so that nobody connects to a server without a certificate.</summary>
    private sealed class FirstLoad(CertificateHolder holder) : IHostedService
    {
        public Task StartAsync(CancellationToken cancellationToken) => holder.WaitForFirstAsync(Timeout.InfiniteTimeSpan, cancellationToken);

        public Task StopAsync(CancellationToken cancellationToken) => Task.CompletedTask;
    }
}
