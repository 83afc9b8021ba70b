using System.Globalization;
using System.Runtime.InteropServices;

namespace CertActors.Server;

/// <summary>
/// What the process does on signals, from the first moment of its own code on: renewal hooks and supervisors send them as soon as there is a process.
/// SIGINT, SIGTERM and SIGQUIT end it, by a token; SIGHUP reloads, as soon as there is something to reload.
/// </summary>
/// <remarks>It is the host's lifetime, too, which otherwise stops the actors as soon as a signal comes.</remarks>
internal sealed class Signals : IHostLifetime, IDisposable
{
    // SIGXFSZ, of a log at the process's limit of file size (setrlimit(2)): the same number on Linux and macOS.
    private const PosixSignal FileTooLarge = (PosixSignal)25;

    private readonly Lock _lock = new();
    private readonly CancellationTokenSource _ended = new();
    private readonly PosixSignalRegistration[] _registrations;
    private Action? _hangUp;
    private bool _isHangUpPending;

    public Signals()
    {
        _registrations =
        [
            PosixSignalRegistration.Create(PosixSignal.SIGINT, End),
            PosixSignalRegistration.Create(PosixSignal.SIGTERM, End),
            PosixSignalRegistration.Create(PosixSignal.SIGQUIT, End),
            PosixSignalRegistration.Create(PosixSignal.SIGHUP, OnHangUp),
            PosixSignalRegistration.Create(FileTooLarge, static signal => signal.Cancel = true),
        ];
    }

    /// <summary>Cancelled when the process is to end.</summary>
    public CancellationToken Ended => _ended.Token;

    /// <summary>What the signals do that the process was not started to ignore; the runtime leaves those as they are.</summary>
    public static string Describe()
    {
        var ignored = Ignored();
        string[] ends = [.. new[] { (2, "Ctrl+C"), (15, "SIGTERM") }.Where(signal => !IsIgnored(signal.Item1)).Select(signal => signal.Item2)];
        var reloads = IsIgnored(1) ? "SIGHUP is ignored, as by nohup" : "SIGHUP reloads";
        return ends.Length == 0 ? reloads : $"{reloads}, {string.Join(" or ", ends)} ends";

        bool IsIgnored(int signal) => (ignored & (1UL << (signal - 1))) != 0;
    }

    /// <summary>From now on, SIGHUP does this; at once, if it came before.</summary>
    public void HangUpDoes(Action action)
    {
        lock (_lock)
        {
            _hangUp = action;
            if (!_isHangUpPending)
                return;
            _isHangUpPending = false;
        }

        action();
    }

    /// <summary>Gives the signals their default actions back. <see cref="Ended"/> stays: a handler may still be running.</summary>
    public void Dispose()
    {
        foreach (var registration in _registrations)
            registration.Dispose();
    }

    Task IHostLifetime.WaitForStartAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    Task IHostLifetime.StopAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    // proc_pid_status(5): "SigIgn: 0000000000000001", a bit for each signal.
    private static ulong Ignored()
    {
        const string name = "SigIgn:";
        try
        {
            var line = File.ReadLines("/proc/self/status").FirstOrDefault(line => line.StartsWith(name, StringComparison.Ordinal));
            return ulong.TryParse(line?[name.Length..], NumberStyles.HexNumber, CultureInfo.InvariantCulture, out var bits) ? bits : 0;
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            return 0; // Not Linux, or a sandbox without /proc.
        }
    }

    private void End(PosixSignalContext signal)
    {
        signal.Cancel = true;
        _ended.Cancel();
    }

    private void OnHangUp(PosixSignalContext signal)
    {
        signal.Cancel = true;
        Action? action;
        lock (_lock)
        {
            action = _hangUp;
            _isHangUpPending = action is null;
        }

        action?.Invoke();
    }
}
