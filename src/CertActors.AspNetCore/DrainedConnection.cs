using System.Security.Cryptography.X509Certificates;
using Microsoft.AspNetCore.Connections;
using Microsoft.AspNetCore.Connections.Features;
using Microsoft.AspNetCore.Http.Features;

namespace CertActors.AspNetCore;

/// <summary>An open connection of an endpoint that is drained: it is given notice, then asked to close, and may be aborted.</summary>
internal sealed class DrainedConnection
{
    private const int Serving = 0;
    private const int HasNotice = 1;
    private const int IsAsked = 2;

    private readonly ConnectionContext _connection;
    private readonly IConnectionLifetimeNotificationFeature _lifetime;
    private int _step = Serving;

    public DrainedConnection(ConnectionContext connection, GenerationDrain generation, X509Certificate2? client, string? trustBundle)
    {
        _connection = connection;
        _lifetime = connection.Features.GetRequiredFeature<IConnectionLifetimeNotificationFeature>();
        Generation = generation;
        Client = client;
        TrustBundle = trustBundle;
        Node = new LinkedListNode<DrainedConnection>(this);
        connection.Transport = new DrainTransport(connection.Transport, this);
    }

    /// <summary>The drain that it is in. Changed under the lock of the <see cref="CertificateDrain"/>.</summary>
    public GenerationDrain Generation { get; set; }

    /// <summary>The client's certificate; null if it has sent none, or isn't followed.</summary>
    public X509Certificate2? Client { get; }

    /// <summary>The name of the trust bundle that the client was verified against.</summary>
    public string? TrustBundle { get; }

    /// <summary>Whether it was asked to close.</summary>
    public bool WasAsked => Volatile.Read(ref _step) == IsAsked;

    /// <summary>Its place in a list of its <see cref="GenerationDrain"/>.</summary>
    public LinkedListNode<DrainedConnection> Node { get; }

    /// <summary>When it is asked at the latest, once it has notice, counted from the swap.</summary>
    public TimeSpan AskAt { get; private set; }

    public void GiveNotice(TimeSpan askAt)
    {
        AskAt = askAt;
        Interlocked.CompareExchange(ref _step, HasNotice, Serving);
    }

    /// <summary>
    /// The server has taken bytes of the client's. A close that is asked for now cuts nothing: for HTTP/1.1, a request is in progress, whose response can
    /// announce the close; for HTTP/2, GOAWAY lets the streams go on that the client has opened.
    /// </summary>
    public void OnReceived()
    {
        if (Volatile.Read(ref _step) == HasNotice)
            AskToClose();
    }

    /// <summary>Asks it to close, once.</summary>
    public void AskToClose()
    {
        if (Interlocked.Exchange(ref _step, IsAsked) != IsAsked)
            Do(static connection => connection._lifetime.RequestClose());
    }

    public void Abort() => Do(static connection => connection._connection.Abort(
        new ConnectionAbortedException("The certificate of this connection was superseded, or its client is no longer trusted, and the hard limit of its drain has passed.")));

    /// <summary>It has closed.</summary>
    public void Leave() => Generation.Drain.Remove(this);

    private void Do(Action<DrainedConnection> act)
    {
        try
        {
            act(this);
        }
        catch (Exception fault)
        {
            // Of a callback that the application has registered for the end of the connection.
            Generation.Drain.ReportFault(fault);
        }
    }
}
