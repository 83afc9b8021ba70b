namespace CertActors.Holding;

/// <summary>Counts the handshakes of servers for which there was no certificate or trust bundle. Any thread may call it; nothing waits.</summary>
internal sealed class UnservedHandshakes
{
    private long _notLoaded;
    private long _unknownNames;

    /// <summary>How many there were, for each reason.</summary>
    public IReadOnlyList<(string Reason, long Count)> Counts => [("NotLoaded", Volatile.Read(ref _notLoaded)), ("UnknownName", Volatile.Read(ref _unknownNames))];

    /// <summary>Nothing that may answer was loaded in time.</summary>
    public void AddNotLoaded() => Interlocked.Increment(ref _notLoaded);

    /// <summary>The server answers to its names alone, and the client has sent another one, or none.</summary>
    public void AddUnknownName() => Interlocked.Increment(ref _unknownNames);
}
