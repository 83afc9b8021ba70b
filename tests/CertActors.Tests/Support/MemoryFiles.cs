using System.Text;
using CertActors.Disk;

namespace CertActors.Tests.Support;

/// <summary>A disk in memory. A directory exists when something is in it, or when it was made.</summary>
internal sealed class MemoryFiles : IFiles, IFileChanges
{
    private readonly Lock _lock = new();
    private readonly Dictionary<string, Entry> _entries = [];
    private readonly Dictionary<string, Exception> _failures = [];
    private readonly Dictionary<string, ulong> _mounts = [];
    private long _clock;

    private sealed record Entry(FileKind Kind, byte[] Content, string Target, long Changed, ulong Inode, uint Mode, uint Links = 1);

    /// <summary>Called after a file was read, before the reader gets the bytes: what another process does meanwhile.</summary>
    public Action<string>? AfterRead { get; set; }

    /// <summary>Called before the stamp of a path is read: what another process does meanwhile.</summary>
    public Action<string>? BeforeStat { get; set; }

    /// <summary>What reading the table of mounts throws; null if it doesn't.</summary>
    public Exception? MountsFailure { get; set; }

    /// <summary>The mode of what is written from now on.</summary>
    public uint Mode { get; set; } = 0b110_000_000;

    /// <summary>The owner of all files.</summary>
    public uint Owner { get; set; } = 1000;

    /// <summary>Whether times and inode numbers are different each time, as on some FUSE, 9p and network file systems.</summary>
    public bool StampsVary { get; set; }

    /// <summary>How many times a file was read.</summary>
    public int Reads { get; private set; }

    public void Write(string path, string text) => Write(path, Encoding.UTF8.GetBytes(text));

    public void Write(string path, byte[] content)
    {
        lock (_lock)
            Put(path, FileKind.File, content, "", _entries.GetValueOrDefault(path) is { Kind: FileKind.File } file ? file.Inode : null);
    }

    public void WriteByRename(string path, string text) => Put(path, FileKind.File, Encoding.UTF8.GetBytes(text), "");

    public void Link(string path, string target) => Put(path, FileKind.Link, [], target);

    public void MakePipe(string path) => Put(path, FileKind.Other, [], "");

    public void MakeDirectory(string path) => Put(path, FileKind.Directory, [], "");

    public void Delete(string path)
    {
        lock (_lock)
        {
            foreach (var gone in _entries.Keys.Where(entry => entry == path || entry.StartsWith(path + "/", StringComparison.Ordinal)).ToArray())
                _entries.Remove(gone);
        }
    }

    /// <summary>Every call for the path throws; null ends that.</summary>
    public void Fail(string path, Exception? failure)
    {
        lock (_lock)
        {
            if (failure is null)
                _failures.Remove(path);
            else
                _failures[path] = failure;
        }
    }

    public FileStamp? Stat(string path)
    {
        BeforeStat?.Invoke(path);
        lock (_lock)
        {
            ThrowIfToFail(path);
            if (_entries.TryGetValue(path, out var entry))
                return StampOf(path, entry);
            return path == "/" || _entries.Keys.Any(inside => inside.StartsWith(path + "/", StringComparison.Ordinal))
                ? new FileStamp(FileKind.Directory, 0, Owner, 1, DeviceOf(path), 1, 0, 0, 0, 0)
                : null;
        }
    }

    public FileStamp? StatTarget(string path) => PathSnapshot.Take(this, path) is var walk && walk.Obstacle is null ? walk.End : throw new IOException(walk.Obstacle);

    public MountTable ReadMounts() => MountsFailure is { } failure ? throw failure : Mounts();

    public string? ReadLink(string path)
    {
        lock (_lock)
            return _entries.TryGetValue(path, out var entry) && entry.Kind == FileKind.Link ? entry.Target : null;
    }

    public IOpenFile Open(string path)
    {
        lock (_lock)
        {
            ThrowIfToFail(path);
            Reads++;
            var entry = _entries.GetValueOrDefault(path) ?? throw new FileNotFoundException();
            return new OpenFile(this, path, entry.Content, StampOf(path, entry));
        }
    }

    /// <summary>Another device from this path downwards.</summary>
    public void Mount(string path, ulong device) => _mounts[path] = device;

    /// <summary>The file was replaced where it is mounted from: here it stays as it was.</summary>
    public void Unlink(string path)
    {
        lock (_lock)
            _entries[path] = _entries[path] with { Links = 0, Changed = ++_clock };
    }

    private MountTable Mounts() => new([KeyValuePair.Create("/", 1UL), .. _mounts]);

    private ulong DeviceOf(string path) => Mounts().DeviceOf(path);

    private FileStamp StampOf(string path, Entry entry)
    {
        var varies = StampsVary ? ++_clock : 0;
        return new FileStamp(
            entry.Kind, entry.Mode, Owner, entry.Links, DeviceOf(path), entry.Inode + (ulong)varies, 0, entry.Content.Length, varies, entry.Kind == FileKind.Directory ? 0 : entry.Changed);
    }

    private void ThrowIfToFail(string path)
    {
        if (_failures.TryGetValue(path, out var failure))
            throw failure;
    }

    private void Put(string path, FileKind kind, byte[] content, string target, ulong? inode = null)
    {
        lock (_lock)
        {
            _clock++;
            _entries[path] = new Entry(kind, content, target, _clock, inode ?? (ulong)_clock + 100, Mode);
        }
    }

    private sealed class OpenFile(MemoryFiles disk, string path, byte[] content, FileStamp stamp) : IOpenFile
    {
        public FileStamp Stamp => stamp;

        public int Read(Span<byte> buffer)
        {
            var length = Math.Min(content.Length, buffer.Length);
            content.AsSpan(0, length).CopyTo(buffer);
            disk.AfterRead?.Invoke(path);
            return length;
        }

        public void Dispose()
        {
        }
    }
}
