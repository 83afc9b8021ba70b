using Microsoft.Extensions.Logging;

namespace CertActors.Diagnostics;

/// <summary>
/// A logger that never throws. <see cref="ILogger"/> passes on what a provider throws: on a thread of a timer that would end the process, and in an actor
/// restart it.
/// </summary>
internal sealed class SafeLogger(ILogger log) : ILogger
{
    public IDisposable? BeginScope<TState>(TState state)
        where TState : notnull => null;

    public bool IsEnabled(LogLevel logLevel)
    {
        try
        {
            return log.IsEnabled(logLevel);
        }
        catch (Exception)
        {
            return true; // For the other providers.
        }
    }

    public void Log<TState>(LogLevel logLevel, EventId eventId, TState state, Exception? exception, Func<TState, Exception?, string> formatter)
    {
        try
        {
            log.Log(logLevel, eventId, state, exception, formatter);
        }
        catch (Exception)
        {
            // The other providers have the line: the logger calls all of them before it throws.
        }
    }
}
