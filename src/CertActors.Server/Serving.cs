namespace CertActors.Server;

/// <summary>Serves the pairs that the user has given, until a signal ends the process.</summary>
internal static class Serving
{
    /// <exception cref="OperationCanceledException">A signal arrived.</exception>
    /// <exception cref="IOException">The server stopped by itself, or cannot listen.</exception>
    public static async Task RunAsync(ServeArguments arguments, Signals signals)
    {
        WarmUp.StartThreads();
        var app = ServerHost.Build(arguments, LogLevel.Information, signals);
        var manager = app.Services.GetRequiredService<ServiceManager>();
        try
        {
            await app.StartAsync(signals.Ended);

            // Without a client's certificate, it would be one more peer that is refused.
            if (arguments.ClientCertificates != ClientCertificates.Require)
                await WarmUp.RequestAsync(app.ListensOn(), signals.Ended);
            Output.Standard.WriteLine($"Serving https://{app.ListensOn()}; {Signals.Describe()}.");
            manager.Ready(Signals.Describe());
            app.ReloadOnHangUp(signals);
            _ = app.Services.GetRequiredService<Reloads>().FollowAsync(signals.Ended);
            var stopped = new TaskCompletionSource();
            await using var registration = app.Lifetime.ApplicationStopping.Register(stopped.SetResult);
            await stopped.Task.WaitAsync(signals.Ended);
            throw StoppedByItself();
        }
        catch (OperationCanceledException) when (!signals.Ended.IsCancellationRequested)
        {
            throw StoppedByItself();
        }
        finally
        {
            manager.Stopping();
            await app.EndAsync();
        }
    }

    private static IOException StoppedByItself() => new("the actor system or the web server has stopped by itself; see the log for the reason.");
}
