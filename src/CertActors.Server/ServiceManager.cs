using System.Diagnostics;
using System.Net.Sockets;

namespace CertActors.Server;

/// <summary>
/// Reports to the service manager what the server does, by the protocol of sd_notify(3). It does nothing unless <c>NOTIFY_SOCKET</c> is set. The socket is
/// opened once, as no descriptor may be free later.
/// </summary>
internal sealed class ServiceManager : IDisposable
{
    private readonly Lock _lock = new();
    private readonly Socket? _socket;
    private bool _isStopping;

    /// <param name="address">The value of <c>NOTIFY_SOCKET</c>: a path, or <c>@</c> and the name of an abstract socket.</param>
    public ServiceManager(string? address)
    {
        if (string.IsNullOrEmpty(address))
            return;
        Socket? socket = null;
        try
        {
            socket = new Socket(AddressFamily.Unix, SocketType.Dgram, ProtocolType.Unspecified) { SendTimeout = 1000 };
            socket.Connect(new UnixDomainSocketEndPoint(address[0] == '@' ? '\0' + address[1..] : address));
            _socket = socket;
        }
        catch (Exception error) when (error is SocketException or ArgumentException or PlatformNotSupportedException)
        {
            socket?.Dispose(); // Nobody listens, the address is not that of a Unix socket, or no descriptor is free.
        }
    }

    public void Ready(string status) => Send($"READY=1\nSTATUS={status}");

    /// <summary>Begins a reload, which <see cref="Ready"/> ends. The time is CLOCK_MONOTONIC, which <see cref="Stopwatch"/> reads.</summary>
    public void Reloading() => Send($"RELOADING=1\nMONOTONIC_USEC={(long)Stopwatch.GetElapsedTime(0).TotalMicroseconds}");

    /// <summary>Announces the end. Nothing is sent afterwards, also if a reload ends later.</summary>
    public void Stopping()
    {
        lock (_lock)
        {
            Send("STOPPING=1");
            _isStopping = true;
        }
    }

    public void Dispose() => _socket?.Dispose();

    private void Send(string state)
    {
        lock (_lock)
        {
            if (_isStopping)
                return;
            try
            {
                _socket?.Send(System.Text.Encoding.UTF8.GetBytes(state));
            }
            catch (Exception error) when (error is SocketException or ObjectDisposedException)
            {
                // The server does not depend on its service manager.
            }
        }
    }
}
