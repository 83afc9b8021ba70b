using System.Collections.Concurrent;
using Microsoft.Extensions.Logging;

namespace CertActors.Tests.Support;

/// <summary>A logger that remembers its lines.</summary>
internal sealed class LoggedLines : ILogger
{
    private volatile bool _fails;
    private int _failures;

    public ConcurrentQueue<(LogLevel Level, string Line)> All { get; } = [];

    /// <summary>Whether each call fails instead.</summary>
    public bool Fails
    {
        set => _fails = value;
    }

    public int Failures => Volatile.Read(ref _failures);

    public IDisposable? BeginScope<TState>(TState state)
        where TState : notnull => null;

    public bool IsEnabled(LogLevel logLevel) => true;

    public void Log<TState>(LogLevel logLevel, EventId eventId, TState state, Exception? exception, Func<TState, Exception?, string> formatter)
    {
        if (_fails)
        {
            Interlocked.Increment(ref _failures);
            throw new InvalidOperationException("The log fails.");
        }

        All.Enqueue((logLevel, formatter(state, exception)));
    }
}
