using System.Text;
using CertActors.Disk;
using CertActors.Watching.Sources;

namespace CertActors.Tests.Support;

/// <summary>A disk in memory with directories that keep their identity when they move, and with the events that inotify has of it.</summary>
/// <remarks>
/// For one thread. A lock here would be held while an event is raised, and taken by calls that hold the lock which the receiver of events takes:
/// the kernel has none such.
/// </remarks>
internal sealed class InodeFiles : IFiles, IFileSteps
{
    private readonly Node _root = new(FileKind.Directory) { Inode = 1 };
    private readonly List<Source> _open = [];
    private ulong _last = 1;

    private sealed class Node(FileKind kind)
    {
        public FileKind Kind { get; } = kind;

        public ulong Inode { get; init; }

        public long Changed { get; set; }

        public byte[] Content { get; set; } = [];

        public string Target { get; init; } = "";

        public Dictionary<string, Node> Entries { get; } = [];

        public FileStamp Stamp => new(Kind, 0, 0, 1, 1, Inode, 0, Content.Length, Changed, Changed);
    }

    public IFileEventSource Open(OnFileEvent sink)
    {
        var source = new Source(this, sink);
        _open.Add(source);
        return source;
    }

    /// <summary>Called before the stamp of a path is read: what another process does meanwhile.</summary>
    public Action? BeforeStat { get; set; }

    public FileStamp? Stat(string path)
    {
        BeforeStat?.Invoke();
        return Find(path)?.Stamp;
    }

    public FileStamp? StatTarget(string path) => PathSnapshot.Take(this, path) is var walk && walk.Obstacle is null ? walk.End : throw new IOException(walk.Obstacle);

    public MountTable ReadMounts() => new([KeyValuePair.Create("/", 1UL)]);

    public string? ReadLink(string path) => Find(path) is { Kind: FileKind.Link } link ? link.Target : null;

    public IOpenFile Open(string path) => new OpenFile(Find(path) ?? throw new FileNotFoundException());

    public string? ReadText(string path) => Follow(path) is { Kind: FileKind.File } file ? Encoding.UTF8.GetString(file.Content) : null;

    public void Write(string path, string text)
    {
        if (Follow(path) is not { } file)
        {
            if (Parent(path, out var directory, out var name) && !directory.Entries.ContainsKey(name))
                Put(directory, name, New(FileKind.File, text));
            return;
        }

        if (file.Kind != FileKind.File)
            return;
        file.Content = Encoding.UTF8.GetBytes(text);
        file.Changed = (long)++_last;
        if (Parent(Resolve(path), out var holder, out var written))
            Tell(holder, written, FileEventKind.Written);
    }

    public void WriteByRename(string path, string text)
    {
        if (Parent(path, out var directory, out var name) && directory.Entries.GetValueOrDefault(name)?.Kind != FileKind.Directory)
            Put(directory, name, New(FileKind.File, text));
    }

    public void Link(string path, string target)
    {
        if (Parent(path, out var directory, out var name) && directory.Entries.GetValueOrDefault(name)?.Kind != FileKind.Directory)
            Put(directory, name, new Node(FileKind.Link) { Inode = ++_last, Target = target, Changed = (long)_last });
    }

    public void MakeDirectory(string path)
    {
        if (Parent(path, out var directory, out var name) && !directory.Entries.ContainsKey(name))
            Put(directory, name, new Node(FileKind.Directory) { Inode = ++_last });
    }

    public void Delete(string path)
    {
        if (!Parent(path, out var directory, out var name) || !directory.Entries.Remove(name, out var gone))
            return;
        Tell(directory, name, FileEventKind.Removed);
        End(gone);
    }

    public void Rename(string from, string to)
    {
        if (!Parent(from, out var source, out var name) || !Parent(to, out var target, out var next)
            || target.Entries.ContainsKey(next) || !source.Entries.TryGetValue(name, out var moved) || IsIn(target, moved))
            return;
        source.Entries.Remove(name);
        target.Entries[next] = moved;
        Tell(source, name, FileEventKind.Renamed);
        Tell(target, next, FileEventKind.Created);
        Tell(moved, "", FileEventKind.Renamed);
    }

    private static bool IsIn(Node node, Node directory) => node == directory || directory.Entries.Values.Any(entry => IsIn(node, entry));

    private Node New(FileKind kind, string text) =>
        new(kind) { Inode = ++_last, Changed = (long)_last, Content = Encoding.UTF8.GetBytes(text) };

    private void Put(Node directory, string name, Node node)
    {
        directory.Entries[name] = node;
        Tell(directory, name, FileEventKind.Created);
    }

    private void End(Node gone)
    {
        foreach (var entry in gone.Entries.Values)
            End(entry);
        Tell(gone, "", FileEventKind.WatchLost);
        foreach (var source in _open)
            source.Forget(gone);
    }

    private void Tell(Node directory, string name, FileEventKind kind)
    {
        foreach (var source in _open.ToArray())
            source.Tell(directory, name, kind);
    }

    /// <summary>The node at a path without links on the way.</summary>
    private Node? Find(string path)
    {
        var node = _root;
        foreach (var name in path.Split('/', StringSplitOptions.RemoveEmptyEntries))
        {
            if (!node.Entries.TryGetValue(name, out var next))
                return null;
            node = next;
        }

        return node;
    }

    private string Resolve(string path)
    {
        var end = PathSnapshot.Take(this, path);
        return end.EndPath;
    }

    private Node? Follow(string path)
    {
        try
        {
            return PathSnapshot.Take(this, path).End is null ? null : Find(Resolve(path));
        }
        catch (IOException)
        {
            return null; // Links in a circle.
        }
    }

    private bool Parent(string path, out Node directory, out string name)
    {
        name = Path.GetFileName(path);
        directory = Path.GetDirectoryName(path) is { Length: > 1 } above ? Follow(above)! : _root;
        return directory is { Kind: FileKind.Directory };
    }

    private sealed class OpenFile(Node node) : IOpenFile
    {
        public FileStamp Stamp { get; } = node.Stamp;

        public int Read(Span<byte> buffer)
        {
            var length = Math.Min(node.Content.Length, buffer.Length);
            node.Content.AsSpan(0, length).CopyTo(buffer);
            return length;
        }

        public void Dispose()
        {
        }
    }

    private sealed class Source(InodeFiles files, OnFileEvent sink) : IFileEventSource
    {
        private readonly Dictionary<int, (Node Directory, bool Contents)> _watches = [];
        private int _last;

        public int Watch(string directory, bool contents)
        {
            if (files.Find(directory) is not { Kind: FileKind.Directory } node)
                throw new DirectoryNotFoundException($"{directory} went away");
            var watch = _watches.FirstOrDefault(each => each.Value.Directory == node).Key;
            if (watch == 0)
                watch = ++_last;
            _watches[watch] = (node, contents || (_watches.TryGetValue(watch, out var known) && known.Contents));
            return watch;
        }

        public void Unwatch(int watch)
        {
            _watches.Remove(watch);
        }

        public void Tell(Node directory, string name, FileEventKind kind)
        {
            foreach (var (watch, watched) in _watches.ToArray())
            {
                if (watched.Directory == directory && (watched.Contents || kind != FileEventKind.Written))
                    sink(watch, name, kind);
            }
        }

        public void Forget(Node directory)
        {
            foreach (var (watch, _) in _watches.Where(each => each.Value.Directory == directory).ToArray())
                _watches.Remove(watch);
        }

        public void Dispose()
        {
            files._open.Remove(this);
        }
    }
}
