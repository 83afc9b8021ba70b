using System.Net;
using System.Runtime.InteropServices;
using Akka.Actor;
using Akka.Hosting;

namespace CertActors.Server;

/// <summary>The real thing: serves the pair that the user has named, until it's told to end.</summary>
internal static class Serving
{
    public static async Task<int> RunAsync(CertificateOptions pair, IPEndPoint endpoint)
    {
        await using var app = ServerHost.Build(pair, endpoint, LogLevel.Information);
        await app.StartAsync();

        var supervisor = app.Services.GetRequiredService<IRequiredActor<CertificateSupervisor>>().ActorRef;
        using var reload = PosixSignalRegistration.Create(PosixSignal.SIGHUP, signal =>
        {
            signal.Cancel = true;
            supervisor.Tell(new ReloadNow());
        });

        Console.WriteLine($"Serving https://{app.ListensOn()}; SIGHUP reloads, Ctrl+C or SIGTERM ends.");
        await app.WaitForShutdownAsync();
        return 0;
    }
}
