using System.Globalization;
using System.Runtime.InteropServices;

namespace CertActors.Server;

/// <summary>
/// Handles signals from the first line of the process's own code, as renewal hooks and service managers send them as soon as the process exists.
/// SIGINT, SIGTERM and SIGQUIT cancel a token; SIGHUP reloads as soon as there is something to reload.
/// </summary>
/// <remarks>It replaces the host's own lifetime, which stops the actors as soon as a signal arrives.</remarks>
internal sealed class Signals : IHostLifetime, IDisposable
{
    // SIGXFSZ: a write exceeds the limit of the file size (setrlimit(2)). The same number on Linux and macOS.
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

    /// <summary>Cancelled when a signal asks the process to end.</summary>
    public CancellationToken Ended => _ended.Token;

    /// <summary>Describes the effect of each signal. A signal that was ignored when the process started stays ignored.</summary>
    public static string Describe()
    {
        var ignored = Ignored();
        string[] ends = [.. new[] { (2, "Ctrl+C"), (15, "SIGTERM") }.Where(signal => !IsIgnored(signal.Item1)).Select(signal => signal.Item2)];
        var reloads = IsIgnored(1) ? "SIGHUP is ignored, as by nohup" : "SIGHUP reloads";
        return ends.Length == 0 ? reloads : $"{reloads}, {string.Join(" or ", ends)} ends";

        bool IsIgnored(int signal) => (ignored & (1UL << (signal - 1))) != 0;
    }

    /// <summary>Sets the action of SIGHUP, and runs it at once if SIGHUP arrived earlier.</summary>
    public void OnHangUpDo(Action action)
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

    /// <summary>Restores the default actions. <see cref="Ended"/> is not disposed, as a handler may still be running.</summary>
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
