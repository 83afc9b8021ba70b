using System.IO.Pipelines;
using System.Net;
using Microsoft.AspNetCore.Connections;
using Microsoft.AspNetCore.Http.Features;
using Microsoft.AspNetCore.Server.Kestrel.Transport.Sockets;
using Microsoft.Extensions.Options;

namespace CertActors.Server;

/// <summary>
/// Kestrel's socket transport with a limit of open connections. At the limit no connection is accepted, and clients wait in the kernel's queue.
/// </summary>
/// <remarks>
/// Kestrel's own limit (<c>KestrelServerLimits.MaxConcurrentConnections</c>) closes connections after it has accepted them: a burst uses up all
/// descriptors first. Without a free descriptor, Kestrel repeats accept in a tight loop, and the runtime ends the process when it cannot start a
/// thread.
/// </remarks>
internal sealed class BoundedTransport(IOptions<SocketTransportOptions> options, ILoggerFactory loggers, int maxConnections) : IConnectionListenerFactory, IDisposable
{
    private readonly SocketTransportFactory _sockets = new(options, loggers);
    private readonly SemaphoreSlim _free = new(maxConnections);

    public async ValueTask<IConnectionListener> BindAsync(EndPoint endpoint, CancellationToken cancellationToken = default) =>
        new Listener(await _sockets.BindAsync(endpoint, cancellationToken), _free);

    public void Dispose() => _free.Dispose();

    private sealed class Listener(IConnectionListener sockets, SemaphoreSlim free) : IConnectionListener
    {
        private readonly CancellationTokenSource _unbound = new();

        public EndPoint EndPoint => sockets.EndPoint;

        public async ValueTask<ConnectionContext?> AcceptAsync(CancellationToken cancellationToken = default)
        {
            try
            {
                await free.WaitAsync(_unbound.Token);
            }
            catch (OperationCanceledException)
            {
                return null;
            }

            ConnectionContext? accepted = null;
            try
            {
                accepted = await sockets.AcceptAsync(cancellationToken);
                return accepted is null ? null : new Connection(accepted, free);
            }
            finally
            {
                if (accepted is null)
                    free.Release();
            }
        }

        public async ValueTask UnbindAsync(CancellationToken cancellationToken = default)
        {
            await _unbound.CancelAsync();
            await sockets.UnbindAsync(cancellationToken);
        }

        public ValueTask DisposeAsync()
        {
            _unbound.Dispose();
            return sockets.DisposeAsync();
        }
    }

    /// <remarks>Kestrel disposes a connection once, when its socket may be closed.</remarks>
    private sealed class Connection(ConnectionContext socket, SemaphoreSlim free) : ConnectionContext
    {
        public override string ConnectionId
        {
            get => socket.ConnectionId;
            set => socket.ConnectionId = value;
        }

        public override IFeatureCollection Features => socket.Features;

        public override IDictionary<object, object?> Items
        {
            get => socket.Items;
            set => socket.Items = value;
        }

        public override IDuplexPipe Transport
        {
            get => socket.Transport;
            set => socket.Transport = value;
        }

        public override CancellationToken ConnectionClosed
        {
            get => socket.ConnectionClosed;
            set => socket.ConnectionClosed = value;
        }

        public override EndPoint? LocalEndPoint
        {
            get => socket.LocalEndPoint;
            set => socket.LocalEndPoint = value;
        }

        public override EndPoint? RemoteEndPoint
        {
            get => socket.RemoteEndPoint;
            set => socket.RemoteEndPoint = value;
        }

        public override void Abort() => socket.Abort();

        public override void Abort(ConnectionAbortedException abortReason) => socket.Abort(abortReason);

        public override async ValueTask DisposeAsync()
        {
            try
            {
                await socket.DisposeAsync();
            }
            finally
            {
                await base.DisposeAsync();
                free.Release();
            }
        }
    }
}
