using System.Net;
using System.Net.Security;
using System.Net.Sockets;
using Akka.Actor;

namespace CertActors.IntegrationTests;

/// <summary>A TCP server of actors over SslStream, which sends back what its clients send.</summary>
internal static class EchoServer
{
    /// <returns>The listener, which is closed to end the server.</returns>
    public static TcpListener Start(ActorSystem system, ServerOptionsSelectionCallback options)
    {
        var listener = new TcpListener(IPAddress.Loopback, 0);
        listener.Start();
        system.ActorOf(Props.Create(() => new Listener(listener, options)));
        return listener;
    }

    /// <summary>Accepts connections, and leaves each to an actor of its own.</summary>
    private sealed class Listener : ReceiveActor
    {
        private readonly TcpListener _listener;

        public Listener(TcpListener listener, ServerOptionsSelectionCallback options)
        {
            _listener = listener;
            Receive<TcpClient>(connection =>
            {
                Context.ActorOf(Props.Create(() => new Echo(connection, options)));
                Accept();
            });
            Receive<Status.Failure>(_ => Context.Stop(Self)); // The listener was closed.
            Accept();
        }

        private void Accept() => _listener.AcceptTcpClientAsync().PipeTo(Self);
    }

    /// <summary>Serves one client.</summary>
    private sealed class Echo : ReceiveActor
    {
        private readonly TcpClient _connection;
        private readonly SslStream _tls;

        public Echo(TcpClient connection, ServerOptionsSelectionCallback options)
        {
            _connection = connection;
            _tls = new SslStream(connection.GetStream());
            Receive<Done>(_ => Context.Stop(Self));
            Receive<Status.Failure>(_ => Context.Stop(Self)); // The client is refused, or has gone.
            ServeAsync(options).PipeTo(Self, success: () => new Done());
        }

        protected override void PostStop()
        {
            _tls.Dispose();
            _connection.Dispose();
        }

        private async Task ServeAsync(ServerOptionsSelectionCallback options)
        {
            await _tls.AuthenticateAsServerAsync(options, state: null);
            await _tls.CopyToAsync(_tls);
        }

        private sealed record Done;
    }
}
