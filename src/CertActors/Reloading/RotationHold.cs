using Akka.Actor;
using Akka.Event;

namespace CertActors.Reloading;

/// <summary>The wait for the other half of a rotation that looks half finished. Belongs to the <see cref="ReloadActor"/>.</summary>
/// <param name="actor">Its timers send it <see cref="Expired"/>.</param>
internal sealed class RotationHold(IWithTimers actor)
{
    private static readonly TimeSpan MaxHold = TimeSpan.FromSeconds(5);

    private Expired? _held;
    private bool _isExpired;

    /// <summary>To the actor: the files are judged as they are.</summary>
    /// <param name="Reason">Why the first half was loaded.</param>
    /// <param name="TouchedAt">When it was touched first; null if no touch led to the load.</param>
    /// <param name="Until">When the wait ends.</param>
    public sealed record Expired(ReloadReason Reason, DateTimeOffset? TouchedAt, DateTimeOffset Until) : IDeadLetterSuppression;

    /// <summary>When the first half was touched first; null if nothing is held, or no touch led to it.</summary>
    public DateTimeOffset? TouchedAt => _held?.TouchedAt;

    /// <summary>Whether a load is waited for, instead of being judged.</summary>
    public bool ShouldHold(LoadRequest request, LoadResult result, ContentTags? lastJudged) =>
        request.Waiting.IsEmpty && !_isExpired && HoldRule.ShouldHold(result, lastJudged, isHolding: _held is not null);

    /// <summary>Begins the wait, unless it has begun.</summary>
    /// <returns>When it ends.</returns>
    public DateTimeOffset Begin(LoadRequest request, DateTimeOffset now)
    {
        if (_held is null)
        {
            _held = new Expired(request.Reason, request.TouchedAt, now + MaxHold);
            actor.Timers.StartSingleTimer(nameof(RotationHold), _held, MaxHold);
        }

        return _held.Until;
    }

    /// <summary>The wait is over.</summary>
    /// <returns>The load that is judged as it stands.</returns>
    public LoadRequest Expire(Expired expired)
    {
        (_held, _isExpired) = (expired, true);
        return new LoadRequest(expired.Reason, Waiting: [], expired.TouchedAt);
    }

    /// <summary>A load was judged.</summary>
    public void End()
    {
        (_held, _isExpired) = (null, false);
        actor.Timers.Cancel(nameof(RotationHold));
    }
}
