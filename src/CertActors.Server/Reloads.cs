namespace CertActors.Server;

/// <summary>Reads the files of the configuration again, and the pairs and trust bundles when it is asked to.</summary>
internal sealed partial class Reloads(ServeArguments arguments, ICertificates certificates, ServiceManager manager, ILogger<Reloads> log)
{
    // Polled, as file events need an inotify instance, and a ConfigMap's file is a link that never changes itself.
    private static readonly TimeSpan BetweenPolls = TimeSpan.FromSeconds(2);

    /// <summary>Follows the files of the configuration.</summary>
    public async Task FollowAsync(CancellationToken ended)
    {
        using var pace = new PeriodicTimer(BetweenPolls);
        try
        {
            while (await pace.WaitForNextTickAsync(ended))
                await RefreshAsync(isPoll: true);
        }
        catch (OperationCanceledException)
        {
            // The server ends.
        }
    }

    /// <summary>Reloads everything now, and reports it to the service manager.</summary>
    public async Task ReloadAsync()
    {
        manager.Reloading();
        try
        {
            await RefreshAsync(isPoll: false);
            await ReloadPairsAsync();
        }
        finally
        {
            manager.Ready(Signals.Describe());
        }
    }

    private async Task ReloadPairsAsync()
    {
        try
        {
            await certificates.ReloadAsync();
        }
        catch (InvalidOperationException)
        {
            // The supervisor has stopped: the server ends.
        }
    }

    private async Task RefreshAsync(bool isPoll)
    {
        if (await arguments.Configuration.RefreshAsync(isPoll) is { } error)
            ConfigurationFileInvalid(error);
    }

    [LoggerMessage(1, LogLevel.Error, "The last valid configuration stays in use: {Error} Correct the file; it is read again within 2 s.", EventName = "ConfigurationFileInvalid")]
    private partial void ConfigurationFileInvalid(string error);
}
