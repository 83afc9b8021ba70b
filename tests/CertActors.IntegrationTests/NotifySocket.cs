using System.Net.Sockets;
using System.Text;

namespace CertActors.IntegrationTests;

/// <summary>The socket of a service manager: sd_notify(3).</summary>
internal sealed class NotifySocket : IDisposable
{
    private static readonly TimeSpan Generous = TimeSpan.FromSeconds(60);

    private readonly Socket _socket = new(AddressFamily.Unix, SocketType.Dgram, ProtocolType.Unspecified);

    /// <param name="address">A path, or <c>@</c> and the name of an abstract socket.</param>
    public NotifySocket(string address)
    {
        Address = address;
        _socket.Bind(new UnixDomainSocketEndPoint(address[0] == '@' ? '\0' + address[1..] : address));
    }

    public string Address { get; }

    public async Task<string> ReceiveAsync()
    {
        using var limit = new CancellationTokenSource(Generous);
        var buffer = new byte[4096];
        return Encoding.UTF8.GetString(buffer, 0, await _socket.ReceiveAsync(buffer, SocketFlags.None, limit.Token));
    }

    public void Dispose() => _socket.Dispose();
}
