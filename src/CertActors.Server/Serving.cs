using System.Net;

namespace CertActors.Server;

/// <summary>Serves the pair that the user has given, until a signal ends the process.</summary>
internal static class Serving
{
    /// <exception cref="OperationCanceledException">A signal arrived.</exception>
    /// <exception cref="IOException">The server stopped by itself, or cannot listen.</exception>
    public static async Task RunAsync(CertificateOptions pair, IPEndPoint endpoint, int? maxConnections, Signals signals)
    {
        WarmUp.StartThreads();
        var app = ServerHost.Build(pair, endpoint, LogLevel.Information, maxConnections, signals);
        try
        {
            await app.StartAsync(signals.Ended);
            await WarmUp.RequestAsync(app.ListensOn());
            Output.Standard.WriteLine($"Serving https://{app.ListensOn()}; {Signals.Describe()}.");
            var stopped = new TaskCompletionSource();
            await using var registration = app.Lifetime.ApplicationStopping.Register(stopped.SetResult);
            await stopped.Task.WaitAsync(signals.Ended);
            throw new IOException("the actor system or the web server has stopped by itself; see the log for the reason.");
        }
        finally
        {
            await app.EndAsync();
        }
    }
}
