namespace CertActors.Clients;

/// <summary>The connections that were opened by one snapshot of identity and trust.</summary>
/// <remarks>
/// They are closed when the generation is retired and no request waits for a response any more. A connection that a response body, a stream or an
/// upgraded protocol still uses closes by itself after that: <see cref="SocketsHttpHandler"/> pools none of a disposed handler, and cuts none.
/// </remarks>
internal sealed class HttpGeneration(ClientSnapshot snapshot, bool resumesSessions, HttpMessageInvoker connections)
{
    // The requests that wait for a response, and one for the owner until it retires the generation. Whoever is the last disposes.
    private int _users = 1;
    private int _isRetired;
    private CancellationTokenRegistration _pairSuperseded;
    private CancellationTokenRegistration _bundleSuperseded;

    public ClientSnapshot Snapshot => snapshot;

    /// <summary>Whether a handshake may resume the session of an earlier one.</summary>
    public bool ResumesSessions => resumesSessions;

    public HttpMessageInvoker Connections => connections;

    /// <summary>Calls back when the pair or the bundle is swapped, or at once if one was.</summary>
    public void OnSuperseded(Action<HttpGeneration> callback)
    {
        _pairSuperseded = Register(snapshot.Certificate?.Superseded);
        _bundleSuperseded = Register(snapshot.Bundle?.Superseded);

        // Retired meanwhile: nobody else unregisters.
        if (Volatile.Read(ref _isRetired) != 0)
            Unregister();

        CancellationTokenRegistration Register(CancellationToken? superseded) =>
            superseded?.UnsafeRegister(_ => callback(this), state: null) ?? default;
    }

    /// <returns>Whether a request may be sent; false if the connections are closed. <see cref="Exit"/> once the response is there.</returns>
    public bool TryEnter()
    {
        var users = Volatile.Read(ref _users);
        while (users > 0)
        {
            var seen = Interlocked.CompareExchange(ref _users, users + 1, users);
            if (seen == users)
                return true;
            users = seen;
        }

        return false;
    }

    public void Exit()
    {
        if (Interlocked.Decrement(ref _users) == 0)
            connections.Dispose();
    }

    /// <summary>Closes the connections as soon as no request waits for a response. A second call does nothing.</summary>
    public void Retire()
    {
        if (Interlocked.Exchange(ref _isRetired, 1) != 0)
            return;
        Unregister();
        Exit();
    }

    private void Unregister()
    {
        // Not Dispose, which would wait for a callback that runs.
        _pairSuperseded.Unregister();
        _bundleSuperseded.Unregister();
    }
}
