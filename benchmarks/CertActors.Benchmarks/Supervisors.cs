using Akka.Actor;

namespace CertActors.Benchmarks;

/// <summary>Asks a supervisor until something has happened.</summary>
internal static class Supervisors
{
    /// <param name="supervisor">The supervisor.</param>
    /// <param name="condition">What its status must show.</param>
    /// <param name="every">How often it is asked. A status of thousands of pairs takes CPU, too.</param>
    /// <param name="limit">After which time it fails.</param>
    public static async Task UntilAsync(this IActorRef supervisor, Func<CertificateSupervisorStatus, bool> condition, TimeSpan every, TimeSpan limit)
    {
        using var ended = new CancellationTokenSource(limit);
        while (!condition(await supervisor.Ask<CertificateSupervisorStatus>(GetStatus.Instance, ended.Token)))
            await Task.Delay(every, ended.Token);
    }

    /// <summary>Waits until nothing is loaded any more. The first inspection touches each pair, which is then loaded once more.</summary>
    /// <returns>How many loads there were.</returns>
    public static async Task<long> AtRestAsync(this IActorRef supervisor, TimeSpan every, TimeSpan limit)
    {
        var loads = 0L;
        await supervisor.UntilAsync(status => loads == (loads = status.Certificates.Sum(pair => pair.Loads.Changed + pair.Loads.Unchanged)), every, limit);
        return loads;
    }
}
