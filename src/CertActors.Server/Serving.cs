using System.Net;

namespace CertActors.Server;

/// <summary>The real thing: serves the pair that the user has named, until it's told to end.</summary>
internal static class Serving
{
    /// <exception cref="OperationCanceledException">A signal has ended it.</exception>
    /// <exception cref="IOException">It has ended by itself, or can't listen.</exception>
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
            throw new IOException("the actor system or the web server has stopped by itself; the log says why.");
        }
        finally
        {
            await app.EndAsync();
        }
    }
}
