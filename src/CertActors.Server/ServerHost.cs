extern alias hosting;

using System.Net;
using Akka.Hosting;
using CertActors.AspNetCore;
using hosting::CertActors.Hosting;
using Microsoft.AspNetCore.Connections;
using Microsoft.AspNetCore.Hosting.Server;
using Microsoft.AspNetCore.Hosting.Server.Features;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.Extensions.Options;

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
    /// Builds the server. Its start fails with <see cref="OptionsValidationException"/> if the configuration is invalid, with
    /// <see cref="CertificateNotLoadedException"/> if a pair or trust bundle cannot be loaded, and with <see cref="IOException"/> if the address cannot be
    /// listened on. The caller ends the server.
    /// </summary>
    public static WebApplication Build(ServeArguments arguments, LogLevel logLevel, Signals signals)
    {
        // No defaults: variables of the environment could add endpoints, and let clients choose their address (X-Forwarded-For). No working directory,
        // which is the default content root: it may have been deleted.
        var builder = WebApplication.CreateEmptyBuilder(new WebApplicationOptions { ContentRootPath = AppContext.BaseDirectory });
        builder.Logging.AddProvider(new OutputLoggerProvider(Output.Standard));
        builder.Logging.SetMinimumLevel(LogLevel.Error);
        builder.Logging.AddFilter("CertActors", logLevel);

        // The caller reports a failed start, once, on standard error: the host, and the library at the highest level, would report it, too.
        builder.Logging.AddFilter("Microsoft.Extensions.Hosting", LogLevel.None);
        builder.Logging.AddFilter("CertActors.Hosting", level => level >= logLevel && level < LogLevel.Critical);

        AddCertificates(builder.Services, arguments);
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
        Telemetry.Add(builder, arguments.Configuration.Names);
        builder.Services.AddSingleton(signals);
        builder.Services.AddSingleton<IHostLifetime>(signals);
        builder.Services.AddSingleton(_ => new ServiceManager(Environment.GetEnvironmentVariable("NOTIFY_SOCKET")));
        builder.Services.AddSingleton(arguments);
        builder.Services.AddSingleton<Reloads>();
        builder.Services.AddHostedService<FirstLoad>();
        builder.Services.Configure<HostOptions>(host => host.ShutdownTimeout = DrainLimit);
        var max = Math.Min(arguments.MaxConnections ?? int.MaxValue, ConnectionLimit.OfThisProcess());
        builder.Services.AddSingleton<IConnectionListenerFactory>(services => ActivatorUtilities.CreateInstance<BoundedTransport>(services, max));
        builder.Services.AddRoutingCore();
        builder.WebHost.UseKestrelCore().UseKestrelHttpsConfiguration();
        builder.WebHost.ConfigureKestrel(kestrel =>
        {
            kestrel.AddServerHeader = false;
            kestrel.Listen(arguments.Endpoint, listen =>
            {
                listen.Protocols = HttpProtocols.Http1AndHttp2;
                listen.UseCertificates(options =>
                {
                    options.TrustBundle = arguments.TrustBundle;
                    options.ClientCertificates = arguments.ClientCertificates;
                });
            });
        });

        var app = builder.Build();
        Map(app, arguments.MonitoringFrom);
        return app;
    }

    private static void AddCertificates(IServiceCollection services, ServeArguments arguments)
    {
        services.AddCertificates(arguments.Configuration.Section);

        // Its files are applied together, never while one is missing or damaged, and when two polls agree.
        services.Configure<FollowerOptions>(options => options.SecondLook = TimeSpan.Zero);
        services.AddCertificates(options =>
        {
            if (arguments.ClientAuthorities.Count > 0)
                options.TrustBundles.Add(new TrustBundleOptions { Name = ServeArguments.BundleOfClientAuthorities, CertificatePaths = arguments.ClientAuthorities });
            options.StopOnFailedFirstLoad = arguments.Wait is null;

            // Whichever pair the configuration marks.
            if (arguments.Configuration.DefaultPair is { } name)
            {
                foreach (var pair in options.Certificates)
                    pair.IsDefault = string.Equals(pair.Name, name, StringComparison.OrdinalIgnoreCase);
            }
        });

        // A change of the configuration that removes the bundle is refused, too.
        if (arguments.TrustBundle is { } required)
        {
            services.AddOptions<CertificatesOptions>().Validate(
                options => options.TrustBundles.Any(bundle => bundle?.Name == required),
                $"--client-bundle is '{required}', which is none of the trust bundles of the configuration");
        }
    }

    private static void Map(WebApplication app, IReadOnlyList<IPNetwork> operators)
    {
        // Which names are served, and when they expire, is for operators.
        var pages = app.MapGroup("");
        pages.AddEndpointFilter((context, next) => IsOperator(context.HttpContext.Connection) ? next(context) : ValueTask.FromResult<object?>(Results.NotFound()));
        pages.MapCertificates(Page);
        pages.MapCertificates("/status");
        pages.MapPrometheusScrapingEndpoint("/metrics");
        app.MapHealthChecks("/healthz");
        app.MapGet("/", (HttpRequest request, CertificateHolder holder) =>
            request.GetTypedHeaders().Accept.Any(type => type.MediaType == "text/html") && IsOperator(request.HttpContext.Connection)
                ? Results.Redirect(Page)
                : Results.Text($"{CommandLine.Name} serves {holder.Current?.ToString() ?? "no default certificate"}.\n"));

        // Operators are on this machine, come by a tunnel, or from a network that is named.
        bool IsOperator(ConnectionInfo connection)
        {
            if (Plain(connection.RemoteIpAddress) is not { } client)
                return false;
            return IPAddress.IsLoopback(client) || client.Equals(Plain(connection.LocalIpAddress)) || operators.Any(network => network.Contains(client));
        }

        static IPAddress? Plain(IPAddress? address) => address is { IsIPv4MappedToIPv6: true } ? address.MapToIPv4() : address;
    }

    public static IPEndPoint ListensOn(this WebApplication app)
    {
        var address = new Uri(app.Services.GetRequiredService<IServer>().Features.Get<IServerAddressesFeature>()!.Addresses.Single());
        return new IPEndPoint(IPAddress.Parse(address.Host), address.Port);
    }

    /// <summary>Reloads when SIGHUP arrives. A reload does not wait for the second half of a rotation, as the first load does: call it after the start.</summary>
    public static void ReloadOnHangUp(this WebApplication app, Signals signals)
    {
        var reloads = app.Services.GetRequiredService<Reloads>();
        signals.OnHangUpDo(() => _ = reloads.ReloadAsync());
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

    /// <summary>Starts after the actors and before Kestrel, so that no client connects to a server without a certificate, or to one that knows no clients.</summary>
    private sealed class FirstLoad(CertificateHolder holder, ICertificates certificates, Signals signals, ServeArguments arguments) : IHostedService
    {
        private static readonly TimeSpan BetweenStatuses = TimeSpan.FromMilliseconds(100);

        public async Task StartAsync(CancellationToken cancellationToken)
        {
            try
            {
                var loaded = holder.WaitForAllAsync(arguments.Wait ?? Timeout.InfiniteTimeSpan, cancellationToken);
                while (arguments.Wait is null && await Task.WhenAny(loaded, Task.Delay(BetweenStatuses, cancellationToken)) != loaded)
                    await FailForBundleAsync(cancellationToken);
                await loaded;
            }
            catch (OperationCanceledException) when (!signals.Ended.IsCancellationRequested)
            {
                // The supervisor has stopped itself, and so the application stops: the holder knows for which pair.
                await holder.WaitForAllAsync(TimeSpan.Zero, CancellationToken.None);
            }
        }

        public Task StopAsync(CancellationToken cancellationToken) => Task.CompletedTask;

        // StopOnFailedFirstLoad does it for pairs.
        private async Task FailForBundleAsync(CancellationToken cancellationToken)
        {
            try
            {
                var status = await certificates.GetStatusAsync(cancellationToken);
                if (status.TrustBundles.FirstOrDefault(bundle => bundle is { LastChange: null, LastFailure: not null }) is { LastFailure: { } failure })
                    throw new IOException(CheckReport.Line(failure.Reason, failure.Message));
            }
            catch (InvalidOperationException)
            {
                // The supervisor has stopped for a pair, which the wait reports.
            }
        }
    }
}
