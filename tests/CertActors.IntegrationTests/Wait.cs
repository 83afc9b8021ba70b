namespace CertActors.IntegrationTests;

/// <summary>Waits on conditions, with a limit that only a defect reaches.</summary>
internal static class Wait
{
    private static readonly TimeSpan Generous = TimeSpan.FromSeconds(60);

    /// <exception cref="OperationCanceledException">The condition did not become true within the limit.</exception>
    public static async Task UntilAsync(Func<Task<bool>> condition)
    {
        using var limit = new CancellationTokenSource(Generous);
        while (!await condition())
            await Task.Delay(TimeSpan.FromMilliseconds(20), limit.Token);
    }

    /// <inheritdoc cref="UntilAsync(Func{Task{bool}})"/>
    public static Task UntilAsync(Func<bool> condition) => UntilAsync(() => Task.FromResult(condition()));
}
