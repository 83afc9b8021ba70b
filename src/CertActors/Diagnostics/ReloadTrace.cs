using System.Diagnostics;

namespace CertActors.Diagnostics;

/// <summary>The trace of one load: an activity without a parent, with an activity for each stage below it.</summary>
/// <remarks>
/// A load carries it along by <see cref="Activity.Current"/> while it runs on a disk thread, so that a stage is begun where it is, and costs nothing
/// elsewhere. Activities have the system's clock, as those of the application. They contain public facts only.
/// </remarks>
internal sealed class ReloadTrace
{
    public const string SourceName = "CertActors";

    // The stages.
    public const string Read = "certactors.read";
    public const string Parse = "certactors.parse";
    public const string Judge = "certactors.judge";
    public const string Build = "certactors.build";
    public const string Hooks = "certactors.hooks";
    public const string Swap = "certactors.swap";

    private static readonly ActivitySource Source = new(SourceName, typeof(ReloadTrace).Assembly.GetName().Version?.ToString(3));

    private readonly Activity _activity;
    private Activity? _hooks;

    private ReloadTrace(Activity activity) => _activity = activity;

    /// <returns>Null unless somebody listens.</returns>
    public static ReloadTrace? Start(string name, ReloadReason reason, DateTimeOffset? touchedAt)
    {
        if (!Source.HasListeners())
            return null;

        // The activity of whoever has sent the request is not its parent.
        var outer = Activity.Current;
        Activity.Current = null;
        try
        {
            var activity = Source.StartActivity(
                ActivityKind.Internal, tags: [new("certactors.name", name), new("certactors.reason", reason.ToString())], name: "certactors.reload");
            if (activity is not null && touchedAt is { } at)
                activity.AddEvent(new ActivityEvent("touched", at));
            return activity is null ? null : new ReloadTrace(activity);
        }
        finally
        {
            Activity.Current = outer;
        }
    }

    /// <summary>Begins a stage of the load that this thread carries out.</summary>
    /// <returns>Dispose it at the end of the stage. Null if there is no load, or nobody listens.</returns>
    public static Activity? Begin(string stage) => Activity.Current is { } current && current.Source == Source ? Source.StartActivity(stage) : null;

    /// <summary>Lets this thread carry out the load.</summary>
    /// <returns>Dispose it when the thread goes on with something else.</returns>
    public Scope Enter() => new(_activity);

    /// <summary>The hooks are asked from now on, which takes no thread.</summary>
    public void BeginHooks()
    {
        using var scope = Enter();
        _hooks = Begin(Hooks);
    }

    /// <summary>The hooks have answered, if they were asked.</summary>
    public void EndHooks()
    {
        using var scope = Enter();
        _hooks?.Stop();
        _hooks = null;
    }

    /// <summary>The load has ended. Further calls do nothing.</summary>
    /// <param name="outcome">What has become of it.</param>
    /// <param name="change">The swap; null if there was none.</param>
    /// <param name="failure">Why it has failed; null if it has not.</param>
    public void End(string outcome, GenerationChanged? change = null, ReloadFailed? failure = null)
    {
        if (_activity.IsStopped)
            return;
        EndHooks();
        using var scope = Enter();
        _activity.SetTag("certactors.outcome", outcome);
        if (change is not null)
            _activity.SetTag("certactors.generation", change.Generation);
        if (failure is not null)
            _activity.SetTag("error.type", failure.Reason.ToString()).SetStatus(ActivityStatusCode.Error, Printable.Of(failure.Message));
        _activity.Stop();
    }

    /// <summary>The time in which a thread carries out a load.</summary>
    public readonly struct Scope : IDisposable
    {
        private readonly Activity? _outer;

        public Scope(Activity activity)
        {
            _outer = Activity.Current;
            Activity.Current = activity;
        }

        public void Dispose() => Activity.Current = _outer;
    }
}
