using Microsoft.Extensions.Logging;

namespace CertActors.Diagnostics;

/// <summary>
/// Everything that is logged. The event ids are part of the public surface, as alerts refer to them. Text that may come from a file is made printable here.
/// </summary>
internal static partial class Log
{
    [LoggerMessage(1, LogLevel.Information, "Certificate {Name}: serving generation {Generation}, SHA-256 {Sha256}, valid until {NotAfter:u} ({Reason}).", EventName = "CertificateChanged")]
    public static partial void Changed(this ILogger log, string name, long generation, string sha256, DateTimeOffset notAfter, ReloadReason reason);

    [LoggerMessage(2, LogLevel.Warning, "Certificate {Name}: rejected ({Reason}). {Message} Still served: {Sha256}.", EventName = "CertificateRejected")]
    private static partial void LogRejected(ILogger log, string name, RejectionReason reason, string message, string sha256);

    public static void Rejected(this ILogger log, string name, RejectionReason reason, string message, string sha256) =>
        LogRejected(log, name, reason, Printable.Of(message), sha256);

    [LoggerMessage(3, LogLevel.Information, "{Name}: the files contain again what is served.", EventName = "CertificateRecovered")]
    public static partial void Recovered(this ILogger log, string name);

    [LoggerMessage(4, LogLevel.Information, "{Name}: watch mode is now {Mode}: {Message}.", EventName = "WatchModeChanged")]
    private static partial void LogModeChanged(ILogger log, string name, WatchMode mode, string message);

    public static void ModeChanged(this ILogger log, string name, WatchMode mode, string message) => LogModeChanged(log, name, mode, Printable.Of(message));

    [LoggerMessage(5, LogLevel.Error, "The actor {Name} has failed; what is served stays. It starts again in {Seconds} s.", EventName = "ActorFailed")]
    public static partial void ChildFailed(this ILogger log, string name, double seconds);

    [LoggerMessage(6, LogLevel.Error, "Certificate {Name}: the first load failed, and the supervisor stops itself (StopOnFailedFirstLoad).", EventName = "FirstLoadFailed")]
    public static partial void GaveUp(this ILogger log, string name);

    [LoggerMessage(7, LogLevel.Warning, "{Name}: {Warning}", EventName = "CertificateWarning")]
    private static partial void LogWarned(ILogger log, string name, string warning);

    public static void Warned(this ILogger log, string name, string warning) => LogWarned(log, name, Printable.Of(warning));

    [LoggerMessage(8, LogLevel.Warning, "Certificate {Name}: {What} expires at {NotAfter:u}, in {Remaining}; check that it is being renewed.", EventName = "CertificateExpiring")]
    private static partial void Expiring(ILogger log, string name, string what, DateTimeOffset notAfter, TimeSpan remaining);

    [LoggerMessage(9, LogLevel.Error, "Certificate {Name}: {What} expired at {NotAfter:u}, and is still served, as no better one is available; renew it.", EventName = "CertificateExpired")]
    private static partial void Expired(ILogger log, string name, string what, DateTimeOffset notAfter);

    public static void CertificateExpiring(this ILogger log, CertificateExpiring expiring)
    {
        var what = expiring.Intermediate is { } intermediate ? $"the intermediate {Printable.Of(intermediate.Subject)}" : "the leaf";
        if (expiring.Remaining > TimeSpan.Zero)
            Expiring(log, expiring.Name, what, expiring.NotAfter, expiring.Remaining);
        else
            Expired(log, expiring.Name, what, expiring.NotAfter);
    }

    [LoggerMessage(10, LogLevel.Information, "Certificate {Name}: generation {Generation} has drained: no connection uses it any more, {Elapsed} after it was superseded.", EventName = "GenerationDrained")]
    public static partial void Drained(this ILogger log, string name, long generation, TimeSpan elapsed);

    [LoggerMessage(11, LogLevel.Information, "Certificate {Name}: removed; generation {Generation} is no longer served.", EventName = "CertificateRemoved")]
    public static partial void Removed(this ILogger log, string name, long generation);

    [LoggerMessage(12, LogLevel.Information, "Trust bundle {Name}: serving generation {Generation} with {Authorities} certificates, {Added} of them new and {Removed} removed, and {RevocationLists} revocation lists ({Reason}).", EventName = "TrustBundleChanged")]
    private static partial void LogBundleChanged(
        ILogger log, string name, long generation, int authorities, int added, int removed, int revocationLists, ReloadReason reason);

    public static void BundleChanged(this ILogger log, TrustBundleChanged bundle) => LogBundleChanged(
        log, bundle.Name, bundle.Generation, bundle.Authorities.Count, bundle.Added.Count, bundle.Removed.Count, bundle.RevocationLists.Count, bundle.Reason);

    [LoggerMessage(13, LogLevel.Warning, "Trust bundle {Name}: rejected ({Reason}). {Message} Still served: generation {StillServed}.", EventName = "TrustBundleRejected")]
    private static partial void LogBundleRejected(ILogger log, string name, RejectionReason reason, string message, long stillServed);

    public static void BundleRejected(this ILogger log, TrustBundleReloadFailed failure) =>
        LogBundleRejected(log, failure.Name, failure.Reason, Printable.Of(failure.Message), failure.StillServed);

    [LoggerMessage(14, LogLevel.Warning, "Trust bundle {Name}: {What} expires at {NotAfter:u}, in {Remaining}; add its successor, and replace the certificates that it has issued.", EventName = "TrustBundleExpiring")]
    private static partial void LogBundleExpiring(ILogger log, string name, string what, DateTimeOffset notAfter, TimeSpan remaining);

    [LoggerMessage(15, LogLevel.Error, "Trust bundle {Name}: {What} expired at {NotAfter:u}; peers that lead to it are refused.", EventName = "TrustBundleExpired")]
    private static partial void LogBundleExpired(ILogger log, string name, string what, DateTimeOffset notAfter);

    [LoggerMessage(16, LogLevel.Error, "Trust bundle {Name}: the revocation list of {Issuer} is stale since {NotAfter:u}; write the next one.", EventName = "RevocationListStale")]
    private static partial void LogListStale(ILogger log, string name, string issuer, DateTimeOffset notAfter);

    public static void BundleExpiring(this ILogger log, TrustBundleExpiring expiring)
    {
        if (expiring.RevocationList is { } list)
            LogListStale(log, expiring.Name, Printable.Of(list.Issuer), expiring.NotAfter);
        else if (expiring.Remaining > TimeSpan.Zero)
            LogBundleExpiring(log, expiring.Name, Printable.Of(expiring.Authority!.Subject), expiring.NotAfter, expiring.Remaining);
        else
            LogBundleExpired(log, expiring.Name, Printable.Of(expiring.Authority!.Subject), expiring.NotAfter);
    }

    [LoggerMessage(17, LogLevel.Warning, "Certificate {Name}: the server name {ServerName} leads to certificate {First} instead, which has it too and comes earlier in the options; set ServerNames to give it to one of them.", EventName = "NameConflict")]
    private static partial void LogNameConflict(ILogger log, string name, string serverName, string first);

    public static void NameConflict(this ILogger log, string name, string serverName, string first) =>
        LogNameConflict(log, name, Printable.Of(serverName), first);

    [LoggerMessage(18, LogLevel.Warning, "Trust bundle {Name}: {Count} peers refused; the last ({Refusal}): {Message}", EventName = "PeersRefused")]
    private static partial void LogPeersRefused(ILogger log, string name, long count, TrustRefusal refusal, string message);

    public static void PeersRefused(this ILogger log, string name, long count, TrustResult last) =>
        LogPeersRefused(log, name, count, last.Refusal!.Value, Printable.Of(last.Message));

    [LoggerMessage(27, LogLevel.Warning, "{Count} handshakes failed, as what they need is not loaded. The last: {Message}", EventName = "HandshakesUnserved")]
    private static partial void LogHandshakesUnserved(ILogger log, long count, string message);

    public static void HandshakesUnserved(this ILogger log, long count, string last) => LogHandshakesUnserved(log, count, Printable.Of(last));

    [LoggerMessage(21, LogLevel.Warning, "{Name}: {Method} of the rotation hook {Hook} failed ({Error}): {Message}. The rotation goes on without it.", EventName = "HookFailed")]
    private static partial void LogHookFailed(ILogger log, string name, string method, string hook, string error, string message);

    public static void HookFailed(this ILogger log, string hook, string method, string name, Exception error) =>
        LogHookFailed(log, name, method, Printable.Of(hook), error.GetType().Name, Printable.Of(error.Message));

    [LoggerMessage(22, LogLevel.Warning, "{Name}: {Method} of the rotation hook {Hook} has not ended within {Limit}. The rotation goes on without it, and the hook is not called again for this name until it has ended.", EventName = "HookTimedOut")]
    private static partial void LogHookTimedOut(ILogger log, string name, string method, string hook, TimeSpan limit);

    public static void HookTimedOut(this ILogger log, string hook, string method, string name, TimeSpan limit) =>
        LogHookTimedOut(log, name, method, Printable.Of(hook), limit);

    [LoggerMessage(26, LogLevel.Warning, "{Name}: {Method} of the rotation hook {Hook} is left out: {Why}. The rotation goes on without it.", EventName = "HookLeftOut")]
    private static partial void LogHookLeftOut(ILogger log, string name, string method, string hook, string why);

    public static void HookLeftOut(this ILogger log, string hook, string method, string name, string why) =>
        LogHookLeftOut(log, name, method, Printable.Of(hook), why);

    [LoggerMessage(25, LogLevel.Information, "Trust bundle {Name}: removed; generation {Generation} is no longer trusted, and its peers are refused.", EventName = "TrustBundleRemoved")]
    public static partial void BundleRemoved(this ILogger log, string name, long generation);

    // At Debug level: why a file event has led to a load or has not, and what the load waited for.

    [LoggerMessage(101, LogLevel.Debug, "File event {Kind} at {Path}.", EventName = "FileEventReceived")]
    private static partial void LogFileEvent(ILogger log, string kind, string path);

    /// <summary>For a caller that has made sure that Debug is enabled, as it makes the kind and the path for this alone.</summary>
    public static void FileEventReceived(this ILogger log, string kind, string path) => LogFileEvent(log, kind, Printable.Of(path));

    [LoggerMessage(102, LogLevel.Debug, "{Name}: touched ({Reason}).", EventName = "CertificateTouched")]
    public static partial void Touched(this ILogger log, string name, ReloadReason reason);

    [LoggerMessage(103, LogLevel.Debug, "{Name}: path inspected ({Reason}); changed: {HasChanged}{Error}.", EventName = "PathInspected")]
    private static partial void LogPathInspected(ILogger log, string name, ReloadReason reason, bool hasChanged, string error);

    /// <param name="log">The log.</param>
    /// <param name="name">The name of the pair or trust bundle.</param>
    /// <param name="reason">Why it was inspected.</param>
    /// <param name="hasChanged">Whether it differs from its last inspection.</param>
    /// <param name="error">Why the paths cannot be read or watched; null if they can.</param>
    public static void PathInspected(this ILogger log, string name, ReloadReason reason, bool hasChanged, string? error = null)
    {
        if (log.IsEnabled(LogLevel.Debug))
            LogPathInspected(log, name, reason, hasChanged, error is null ? "" : $"; {Printable.Of(error)}");
    }

    [LoggerMessage(104, LogLevel.Debug, "{Name}: debounce started ({Reason}); it ends {Window} after the last touch, and at most {Max} after the first.", EventName = "DebounceStarted")]
    public static partial void DebounceStarted(this ILogger log, string name, ReloadReason reason, TimeSpan window, TimeSpan max);

    [LoggerMessage(105, LogLevel.Debug, "{Name}: debounce ended; load requested ({Reason}).", EventName = "DebounceEnded")]
    public static partial void DebounceEnded(this ILogger log, string name, ReloadReason reason);

    [LoggerMessage(106, LogLevel.Debug, "{Name}: load started ({Reason}).", EventName = "LoadStarted")]
    public static partial void LoadStarted(this ILogger log, string name, ReloadReason reason);

    [LoggerMessage(107, LogLevel.Debug, "{Name}: load queued ({Reason}); another is in flight.", EventName = "LoadQueued")]
    public static partial void LoadQueued(this ILogger log, string name, ReloadReason reason);

    [LoggerMessage(108, LogLevel.Debug, "{Name}: held until {Until:O}, as the rotation looks half finished. {Message}", EventName = "LoadHeld")]
    private static partial void LogHeld(ILogger log, string name, DateTimeOffset until, string message);

    public static void Held(this ILogger log, string name, DateTimeOffset until, string message)
    {
        if (log.IsEnabled(LogLevel.Debug))
            LogHeld(log, name, until, Printable.Of(message));
    }

    [LoggerMessage(109, LogLevel.Debug, "{Name}: unchanged; the files contain what is served.", EventName = "LoadUnchanged")]
    public static partial void Unchanged(this ILogger log, string name);

    [LoggerMessage(110, LogLevel.Debug, "{Name}: the load is tried again in {Delay}.", EventName = "RetryPlanned")]
    public static partial void RetryPlanned(this ILogger log, string name, TimeSpan delay);
}
