using System.Globalization;
using CertActors.Diagnostics;

namespace CertActors.Server;

/// <summary>Logs to standard output without blocking, one line per event, in the format of the single-line console logger.</summary>
internal sealed class OutputLoggerProvider(QueuedOutput output) : ILoggerProvider
{
    public ILogger CreateLogger(string categoryName) => new OutputLogger(output, categoryName);

    public void Dispose()
    {
    }

    private sealed class OutputLogger(QueuedOutput output, string category) : ILogger
    {
        public IDisposable? BeginScope<TState>(TState state)
            where TState : notnull => null;

        public bool IsEnabled(LogLevel logLevel) => logLevel != LogLevel.None;

        public void Log<TState>(LogLevel logLevel, EventId eventId, TState state, Exception? exception, Func<TState, Exception?, string> formatter)
        {
            if (!IsEnabled(logLevel))
                return;
            var time = DateTimeOffset.UtcNow.ToString("yyyy-MM-ddTHH:mm:ss.fffZ", CultureInfo.InvariantCulture);
            var text = exception is null ? formatter(state, exception) : $"{formatter(state, exception)} {exception}";
            output.WriteLine($"{time} {NameOf(logLevel)}: {category}[{eventId.Id}] {Printable.Of(text.ReplaceLineEndings(" "))}");
        }

        private static string NameOf(LogLevel level) => level switch
        {
            LogLevel.Trace => "trce",
            LogLevel.Debug => "dbug",
            LogLevel.Information => "info",
            LogLevel.Warning => "warn",
            LogLevel.Error => "fail",
            _ => "crit",
        };
    }
}
