using System.Buffers;
using System.IO.Pipelines;
using System.Security.Cryptography.X509Certificates;
using CertActors.AspNetCore;
using Microsoft.AspNetCore.Connections;
using Microsoft.AspNetCore.Connections.Features;
using Microsoft.AspNetCore.Http.Features;

namespace CertActors.Tests.Support;

/// <summary>A connection as Kestrel would have it after a handshake, which remembers what it was told.</summary>
internal sealed class FakeConnection : ConnectionContext, IConnectionLifetimeNotificationFeature, IDuplexPipe
{
    private readonly Pipe _received = new();
    private int _requests;
    private int _aborts;

    /// <param name="identity">What its handshake used; null if it had none.</param>
    /// <param name="client">The certificate of the client; null for none.</param>
    public FakeConnection(ServerIdentity? identity = null, X509Certificate2? client = null)
    {
        Transport = this;
        Features.Set<IConnectionLifetimeNotificationFeature>(this);
        Features.Set(Served);
        Features.Set<ITlsConnectionFeature>(new TlsConnectionFeature { ClientCertificate = client });
        if (identity is not null)
            Served.Begin(identity);
    }

    public ServedConnection Served { get; } = new();

    /// <summary>What happens when it is asked to close.</summary>
    public Action OnRequestClose { get; init; } = () => { };

    public int CloseRequests => Volatile.Read(ref _requests);

    public int Aborts => Volatile.Read(ref _aborts);

    public override string ConnectionId { get; set; } = "connection";

    public override IFeatureCollection Features { get; } = new FeatureCollection();

    public override IDictionary<object, object?> Items { get; set; } = new Dictionary<object, object?>();

    public override IDuplexPipe Transport { get; set; }

    public CancellationToken ConnectionClosedRequested { get; set; }

    PipeReader IDuplexPipe.Input => _received.Reader;

    PipeWriter IDuplexPipe.Output => throw new NotSupportedException();

    public void RequestClose()
    {
        Interlocked.Increment(ref _requests);
        OnRequestClose();
    }

    public override void Abort(ConnectionAbortedException abortReason) => Interlocked.Increment(ref _aborts);

    /// <summary>The client sends something, and the server takes it.</summary>
    public async Task ReceiveAsync()
    {
        _received.Writer.Write("GET"u8);
        await _received.Writer.FlushAsync();
        var read = await Transport.Input.ReadAsync();
        Transport.Input.AdvanceTo(read.Buffer.End);
    }
}
