namespace CertActors.IntegrationTests;

/// <summary>Waits on conditions, with a limit that only what is broken reaches.</summary>
internal static class Wait
{
    private static readonly TimeSpan Generous = TimeSpan.FromSeconds(60);

    /// <exception cref="OperationCanceledException">It has not come about.</exception>
    public static async Task UntilAsync(Func<Task<bool>> condition)
    {
        using var limit = new CancellationTokenSource(Generous);
        while (!await condition())
            await Task.Delay(TimeSpan.FromMilliseconds(20), limit.Token);
    }

    /// <inheritdoc cref="UntilAsync(Func{Task{bool}})"/>
    public static Task UntilAsync(Func<bool> condition) => UntilAsync(() => Task.FromResult(condition()));
}
