using System.Globalization;

namespace CertActors.AspNetCore.Page;

/// <summary>The kinds of events that a reader of the page tells apart.</summary>
internal enum EventKind
{
    Changed,
    Rejected,
    Expiring,
    Expired,
    Removed,
    Drained,
    WatchMode,
    Other,
}

/// <summary>Writes events for people.</summary>
internal static class EventText
{
    public static StatusDocument.Event Of(CertificateEvent happened)
    {
        var (kind, message) = happened switch
        {
            CertificateChanged change => (EventKind.Changed, Format($"generation {change.Generation} is served: {change.Current.Subject}, until {change.Current.NotAfter:u} ({change.Reason})")),
            TrustBundleChanged change => (EventKind.Changed, Format(
                $"generation {change.Generation} is used: {change.Authorities.Count} authorities, {change.Added.Count} of them new and {change.Removed.Count} removed ({change.Reason})")),
            ReloadFailed failure => (EventKind.Rejected, $"{failure.Message} ({failure.Reason})"),
            CertificateExpiring { Intermediate: { } intermediate } expiring => Expiring(
                expiring.Remaining, $"the intermediate {intermediate.Subject} of generation {expiring.Generation}", expiring.NotAfter),
            CertificateExpiring expiring => Expiring(expiring.Remaining, $"generation {expiring.Generation}", expiring.NotAfter),
            TrustBundleExpiring { RevocationList: { } list } => (EventKind.Expired, Format($"the revocation list of {list.Issuer} is stale since {list.NextUpdate:u}")),
            TrustBundleExpiring expiring => Expiring(expiring.Remaining, expiring.Authority?.Subject ?? "an authority", expiring.NotAfter),
            CertificateRemoved removed => (EventKind.Removed, Format($"generation {removed.Generation} is served no longer")),
            TrustBundleRemoved removed => (EventKind.Removed, Format($"generation {removed.Generation} is trusted no longer")),
            GenerationDrained drained => (EventKind.Drained, Format(
                $"no connection uses generation {drained.Generation} any more, {Duration.Of(drained.At - drained.SupersededAt)} after it was superseded")),
            WatchModeChanged watch => (EventKind.WatchMode, $"{watch.Mode}: {watch.Message}"),
            _ => (EventKind.Other, happened.GetType().Name),
        };
        return new StatusDocument.Event(happened.At.UtcDateTime, happened.Name, kind, message);
    }

    private static (EventKind, string) Expiring(TimeSpan remaining, string what, DateTimeOffset notAfter) => remaining > TimeSpan.Zero
        ? (EventKind.Expiring, Format($"{what} expires at {notAfter:u}, in {Duration.Of(remaining)}"))
        : (EventKind.Expired, Format($"{what} expired at {notAfter:u}"));

    private static string Format(FormattableString text) => text.ToString(CultureInfo.InvariantCulture);
}

/// <summary>Writes durations for people, in one unit.</summary>
internal static class Duration
{
    public static string Of(TimeSpan time) => time.Duration() switch
    {
        { TotalDays: >= 2 } days => Count(days.TotalDays, "days"),
        { TotalHours: >= 2 } hours => Count(hours.TotalHours, "hours"),
        { TotalMinutes: >= 2 } minutes => Count(minutes.TotalMinutes, "minutes"),
        { TotalSeconds: >= 2 } seconds => Count(seconds.TotalSeconds, "seconds"),
        var rest => Count(rest.TotalMilliseconds, "ms"),
    };

    // Rounded down: a certificate must not seem to live longer than it does.
    private static string Count(double value, string unit) => string.Create(CultureInfo.InvariantCulture, $"{Math.Floor(value):0} {unit}");
}
