using Microsoft.Extensions.Logging;

namespace CertActors.Hosting;

/// <summary>What is logged, in the category <c>CertActors.Hosting</c>. The event ids are part of the public surface, as alerts refer to them.</summary>
internal static partial class Log
{
    public const string Category = "CertActors.Hosting";

    [LoggerMessage(201, LogLevel.Information, "The configuration has changed: added {Added}, removed {Removed}, changed {Changed}.", EventName = "ConfigurationApplied")]
    public static partial void ConfigurationApplied(this ILogger log, string added, string removed, string changed);

    [LoggerMessage(202, LogLevel.Error, "The configuration has changed and is invalid; nothing was changed. {Errors}", EventName = "ConfigurationInvalid")]
    public static partial void ConfigurationInvalid(this ILogger log, string errors);

    [LoggerMessage(203, LogLevel.Critical, "The certificate supervisor has stopped, as a first load failed (StopOnFailedFirstLoad); the application stops.", EventName = "ApplicationStopped")]
    public static partial void SupervisorStopped(this ILogger log);
}
