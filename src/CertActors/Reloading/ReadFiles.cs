using System.Collections.Immutable;
using CertActors.Disk;
using CertActors.Reloading.Formats;

namespace CertActors.Reloading;

/// <summary>What files have to be.</summary>
/// <param name="MaxSize">The largest size of the file at a path, in bytes.</param>
/// <param name="Format">What they contain, for messages.</param>
/// <param name="IsSecret">Whether the file at a path must not be readable by others.</param>
internal sealed record ExpectedFiles(Func<string, int> MaxSize, string Format, Func<string, bool> IsSecret);

/// <summary>Files, as they were read. Their contents are zeroed when disposed of.</summary>
internal sealed class ReadFiles : IDisposable
{
    private readonly IFiles _disk;
    private readonly ImmutableArray<string> _paths;
    private readonly ExpectedFiles _expected;
    private readonly Dictionary<string, ReadFile> _files = new(StringComparer.Ordinal);

    private ReadFiles(IFiles disk, ImmutableArray<string> paths, ExpectedFiles expected) => (_disk, _paths, _expected) = (disk, paths, expected);

    /// <param name="Stamp">The stamp of the opened file before it was read, or of what is in its place; null if nothing is, or it is not known.</param>
    /// <param name="Content">Null if the file cannot be read.</param>
    /// <param name="Problem">Why it cannot be used; null if it can.</param>
    /// <param name="IsFileMount">Whether the file itself is a mount point.</param>
    private sealed record ReadFile(FileStamp? Stamp, SecretBuffer? Content, RejectedException? Problem, bool IsFileMount = false);

    public IReadOnlyList<FileWarning> Warnings =>
        [.. _files.SelectMany(file => file.Value.Stamp is { } stamp ? FileWarning.Of(file.Key, stamp, _expected.IsSecret(file.Key), file.Value.IsFileMount) : [])];

    /// <summary>What was found at each path; null if nothing was.</summary>
    public IEnumerable<(string Path, FileStamp? Stamp)> Stamps => _files.Select(file => (file.Key, file.Value.Stamp));

    /// <inheritdoc cref="WatchedFiles.PathList"/>
    public string PathList => WatchedFiles.ListOf(_paths);

    /// <summary>Why a file has no content; null if all have. Names every file that is missing.</summary>
    public RejectedException? Problem
    {
        get
        {
            RejectedException[] problems = [.. _files.Values.Select(file => file.Problem).OfType<RejectedException>()];
            RejectedException[] missing = [.. problems.Where(problem => problem.Reason == RejectionReason.FileMissing)];
            return missing.Length > 1
                ? new RejectedException(RejectionReason.FileMissing, string.Join(" ", missing.Select(problem => problem.Message)))
                : problems.FirstOrDefault();
        }
    }

    public ContentTags Tags => new([.. _paths.Select(path => _files[path].Content is { } content ? ContentTag.Of(content) : default(ContentTag?))]);

    public static ReadFiles Read(IFiles disk, ImmutableArray<string> paths, ExpectedFiles expected)
    {
        var files = new ReadFiles(disk, paths, expected);
        try
        {
            foreach (var path in paths)
                files._files.Add(path, files.Read(path));
            return files;
        }
        catch
        {
            files.Dispose();
            throw;
        }
    }

    /// <summary>The content of a file. There is one for each path if there is no <see cref="Problem"/>.</summary>
    public SecretBuffer ContentOf(string path) => _files[path].Content!;

    /// <summary>Whether the paths lead to other files now, or the files have changed, by their stamps. Then the contents may not belong together.</summary>
    public bool HaveChanged() => _files.Any(file => StampOf(file.Key) != file.Value.Stamp);

    public void Dispose()
    {
        foreach (var file in _files.Values)
            file.Content?.Dispose();
    }

    private FileStamp? StampOf(string path)
    {
        try
        {
            return PathSnapshot.Take(_disk, path).End;
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            return null;
        }
    }

    private ReadFile Read(string path)
    {
        FileStamp? stamp = null;
        try
        {
            var snapshot = PathSnapshot.Take(_disk, path);
            stamp = snapshot.End;
            if (snapshot.Obstacle is { } obstacle)
                throw Rejected(RejectionReason.FileUnreadable, $"{path} cannot be read: {obstacle} Correct the links.");
            if (stamp is { } seen)
                RejectUnlessFile(path, seen);
            if (stamp is null)
            {
                throw Rejected(
                    RejectionReason.FileMissing,
                    $"{path} does not exist: there is no '{Path.GetFileName(snapshot.EndPath)}' in {Path.GetDirectoryName(snapshot.EndPath)}; create it, or correct the path.");
            }

            // The path may lead elsewhere by now. The stamp of the descriptor is that of the file which is read.
            using var file = _disk.Open(snapshot.EndPath);
            stamp = file.Stamp;
            RejectUnlessFile(path, file.Stamp);
            var content = Read(path, file);
            var empty = content.Span.IsEmpty ? Rejected(RejectionReason.FileEmpty, $"{path} is empty; write the complete file again.") : null;
            return new ReadFile(stamp, content, empty, snapshot.IsFileMount);
        }
        catch (RejectedException rejected)
        {
            return new ReadFile(stamp, Content: null, rejected);
        }
        catch (FileNotFoundException)
        {
            return new ReadFile(stamp, Content: null, Rejected(RejectionReason.FileMissing, $"{path} was removed before it was read; create it, or correct the path."));
        }
        catch (UnauthorizedAccessException)
        {
            return new ReadFile(stamp, Content: null, Rejected(
                RejectionReason.FileUnreadable, $"{path} cannot be read: permission denied; grant this process's user read access to the file and search access to every directory on its path."));
        }
        catch (OutOfDescriptorsException error)
        {
            return new ReadFile(stamp, Content: null, Rejected(RejectionReason.FileUnreadable, $"{path} cannot be read: {error.Message}."));
        }
        catch (IOException error)
        {
            return new ReadFile(stamp, Content: null, Rejected(
                RejectionReason.FileUnreadable, $"{path} cannot be read: {error.Message}; repair the file or the disk."));
        }
    }

    private void RejectUnlessFile(string path, FileStamp stamp)
    {
        switch (stamp)
        {
            case { Kind: not FileKind.File }:
                throw Rejected(RejectionReason.FileUnreadable, $"{path} is not a regular file; specify {_expected.Format}.");
            case { Size: var size } when size > _expected.MaxSize(path):
                throw TooLarge(path);
        }
    }

    /// <summary>Reads to the end of the file, which may not be where the stamp says.</summary>
    private SecretBuffer Read(string path, IOpenFile file)
    {
        var maxSize = _expected.MaxSize(path);
        for (var capacity = (int)Math.Min(file.Stamp.Size, maxSize) + 1; ; capacity = maxSize + 1)
        {
            var content = SecretBuffer.Rent(capacity);
            try
            {
                content.Shorten(file.Read(content.Span));
                if (content.Span.Length < capacity)
                    return content;
                if (capacity > maxSize)
                    throw TooLarge(path);
            }
            catch
            {
                content.Dispose();
                throw;
            }

            content.Dispose();
        }
    }

    private RejectedException TooLarge(string path) => Rejected(
        RejectionReason.FileUnreadable, $"{path} is larger than {_expected.MaxSize(path)} bytes, which is the limit; specify {_expected.Format}.");

    private static RejectedException Rejected(RejectionReason reason, string message) => new(reason, message);
}
