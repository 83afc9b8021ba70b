namespace CertActors.Watching.Sources;

/// <summary>The result of waiting for events.</summary>
/// <param name="Length">The number of bytes of events in the buffer.</param>
/// <param name="MountsChanged">Whether something was mounted or unmounted.</param>
/// <param name="Error">The error number if there will be no more events; 0 otherwise.</param>
internal readonly record struct InotifyReadResult(int Length, bool MountsChanged, int Error);

/// <summary>An instance of inotify(7), in the kernel's own terms.</summary>
internal interface IInotify : IDisposable
{
    /// <summary>inotify_add_watch(2).</summary>
    /// <returns>0, or the error number.</returns>
    int Add(string directory, uint mask, out int watch);

    /// <summary>inotify_rm_watch(2).</summary>
    void Remove(int watch);

    /// <summary>Blocks until there are events, the mounts have changed, or <see cref="Wake"/> is called.</summary>
    InotifyReadResult Wait(byte[] buffer);

    /// <summary>Ends <see cref="Wait"/>, from another thread.</summary>
    void Wake();
}
