using System.IO.Pipelines;

namespace CertActors.AspNetCore;

/// <summary>The transport of a drained connection: it tells the connection when the server has taken something that the client has sent.</summary>
internal sealed class DrainTransport(IDuplexPipe inner, DrainedConnection connection) : PipeReader, IDuplexPipe
{
    public PipeReader Input => this;

    public PipeWriter Output => inner.Output;

    public override void AdvanceTo(SequencePosition consumed)
    {
        inner.Input.AdvanceTo(consumed);
        connection.OnReceived();
    }

    public override void AdvanceTo(SequencePosition consumed, SequencePosition examined)
    {
        inner.Input.AdvanceTo(consumed, examined);
        connection.OnReceived();
    }

    public override ValueTask<ReadResult> ReadAsync(CancellationToken cancellationToken = default) => inner.Input.ReadAsync(cancellationToken);

    public override bool TryRead(out ReadResult result) => inner.Input.TryRead(out result);

    public override void CancelPendingRead() => inner.Input.CancelPendingRead();

    public override void Complete(Exception? exception = null) => inner.Input.Complete(exception);

    public override ValueTask CompleteAsync(Exception? exception = null) => inner.Input.CompleteAsync(exception);

    protected override ValueTask<ReadResult> ReadAtLeastAsyncCore(int minimumSize, CancellationToken cancellationToken) =>
        inner.Input.ReadAtLeastAsync(minimumSize, cancellationToken);
}
