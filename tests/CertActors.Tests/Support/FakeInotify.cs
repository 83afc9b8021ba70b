using System.Buffers.Binary;
using System.Collections.Concurrent;
using System.Text;
using CertActors.Watching.Sources;

namespace CertActors.Tests.Support;

/// <summary>An inotify instance that says what a test lets it say.</summary>
internal sealed class FakeInotify : IInotify
{
    private readonly BlockingCollection<(byte[] Events, InotifyReadResult Result)> _results = [];
    private readonly TaskCompletionSource _disposed = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private int _last;

    /// <summary>What inotify_add_watch fails with; 0 if it doesn't.</summary>
    public int AddError { get; set; }

    public ConcurrentQueue<(string Directory, uint Mask)> Added { get; } = new();

    public Task Disposed => _disposed.Task;

    public int Add(string directory, uint mask, out int watch)
    {
        Added.Enqueue((directory, mask));
        watch = AddError == 0 ? Interlocked.Increment(ref _last) : -1;
        return AddError;
    }

    public void Remove(int watch)
    {
        // Nothing that a test looks at.
    }

    public InotifyReadResult Wait(byte[] buffer)
    {
        var (events, result) = _results.Take();
        events.CopyTo(buffer, 0);
        return result;
    }

    public void Wake() => _results.Add(([], default));

    public void Dispose() => _disposed.TrySetResult();

    public void Say(params byte[][] events)
    {
        byte[] all = [.. events.SelectMany(each => each)];
        _results.Add((all, new InotifyReadResult(all.Length, MountsChanged: false, Error: 0)));
    }

    public void ChangeMounts() => _results.Add(([], new InotifyReadResult(0, MountsChanged: true, Error: 0)));

    public void Fail(int error) => _results.Add(([], new InotifyReadResult(0, MountsChanged: false, error)));

    /// <summary>An event as inotify(7) lays it out: the name is padded with zeros.</summary>
    public static byte[] Event(int watch, uint mask, string name = "") => Event(watch, mask, Encoding.UTF8.GetBytes(name));

    public static byte[] Event(int watch, uint mask, byte[] name)
    {
        var padded = name.Length == 0 ? 0 : (name.Length / 16 * 16) + 16;
        var bytes = new byte[16 + padded];
        BinaryPrimitives.WriteInt32LittleEndian(bytes, watch);
        BinaryPrimitives.WriteUInt32LittleEndian(bytes.AsSpan(4), mask);
        BinaryPrimitives.WriteInt32LittleEndian(bytes.AsSpan(12), padded);
        name.CopyTo(bytes, 16);
        return bytes;
    }
}
