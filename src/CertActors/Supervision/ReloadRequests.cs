using Akka.Actor;

namespace CertActors.Supervision;

/// <summary>The <see cref="ReloadNow"/> requests that wait for pairs to be judged.</summary>
internal sealed class ReloadRequests
{
    private readonly Dictionary<long, Request> _open = [];
    private long _last;

    private sealed record Request(IActorRef Sender, HashSet<string> Waiting, List<ReloadOutcome> Outcomes);

    /// <returns>The request's number. None is used twice, as answers to requests of the supervisor's last incarnation may still arrive.</returns>
    public long Add(IActorRef sender, IEnumerable<string> pairs)
    {
        _open.Add(++_last, new Request(sender, pairs.ToHashSet(StringComparer.Ordinal), []));
        return _last;
    }

    /// <returns>The requests that wait for the pair.</returns>
    public IEnumerable<long> WaitingFor(string pair) => _open.Where(request => request.Value.Waiting.Contains(pair)).Select(request => request.Key);

    /// <summary>Notes a pair's outcome, and answers the request if it was the last.</summary>
    public void Complete(long number, ReloadOutcome outcome)
    {
        if (!_open.TryGetValue(number, out var request) || !request.Waiting.Remove(outcome.Name))
            return;

        request.Outcomes.Add(outcome);
        if (request.Waiting.Count > 0)
            return;
        _open.Remove(number);
        request.Sender.Tell(new ReloadNowResult { Outcomes = request.Outcomes });
    }

    /// <summary>Answers for a pair that was removed.</summary>
    public void CompleteAll(string pair)
    {
        foreach (var request in WaitingFor(pair).ToArray())
            Complete(request, ReloadOutcome.Unknown(pair));
    }

    public void Clear() => _open.Clear();
}
