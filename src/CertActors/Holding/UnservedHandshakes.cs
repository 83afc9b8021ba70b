using Akka.Event;

namespace CertActors.Holding;

/// <summary>Handshakes have failed, and the supervisor does not know of it.</summary>
internal sealed record HandshakesUnserved : IDeadLetterSuppression
{
    public static readonly HandshakesUnserved Instance = new();
}

/// <summary>Counts the handshakes of servers for which there was no certificate or trust bundle. Any thread may call it; nothing waits.</summary>
internal sealed class UnservedHandshakes(CertificateHolder holder)
{
    private long _notLoaded;
    private long _unknownNames;

    /// <summary>How many there were, for each reason.</summary>
    public IReadOnlyList<(string Reason, long Count)> Counts => [("NotLoaded", Volatile.Read(ref _notLoaded)), ("UnknownName", Volatile.Read(ref _unknownNames))];

    /// <summary>Those for which nothing was loaded, with the message of the last.</summary>
    public RareReport<string> Report { get; } = new(() => holder.TellOwner(HandshakesUnserved.Instance));

    /// <summary>Nothing that may answer was loaded in time.</summary>
    /// <returns>The given exception, to throw.</returns>
    public CertificateNotLoadedException Add(CertificateNotLoadedException notLoaded)
    {
        Interlocked.Increment(ref _notLoaded);
        Report.Add(notLoaded.Message);
        return notLoaded;
    }

    /// <summary>The server answers to its names alone, and the client has sent another one, or none.</summary>
    public void AddUnknownName() => Interlocked.Increment(ref _unknownNames);
}
