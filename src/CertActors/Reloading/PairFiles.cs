using CertActors.Disk;
using CertActors.Reloading.Formats;

namespace CertActors.Reloading;

/// <summary>The files of a pair, as they were read. Their contents are zeroed when disposed of.</summary>
internal sealed class PairFiles : IDisposable
{
    private const int MaxFileSize = 1 << 20;

    private readonly IFiles _disk;
    private readonly CertificateOptions _options;
    private readonly Dictionary<string, ReadFile> _files = new(StringComparer.Ordinal);

    private PairFiles(IFiles disk, CertificateOptions options)
    {
        _disk = disk;
        _options = options;
    }

    /// <param name="Stamp">The stamp of the opened file before it was read, or of what is in its place; null if nothing is, or it is not known.</param>
    /// <param name="Content">Null if the file cannot be read.</param>
    /// <param name="Problem">Why it cannot be used; null if it can.</param>
    /// <param name="IsFileMount">Whether the file itself is a mount point.</param>
    private sealed record ReadFile(FileStamp? Stamp, SecretBuffer? Content, RejectedException? Problem, bool IsFileMount = false);

    public IReadOnlyList<FileWarning> Warnings =>
        [.. _files.SelectMany(file => file.Value.Stamp is { } stamp ? FileWarning.Of(file.Key, stamp, IsSecret(file.Key), file.Value.IsFileMount) : [])];

    /// <summary>What was found at each path; null if nothing was.</summary>
    public IEnumerable<(string Path, FileStamp? Stamp)> Stamps => _files.Select(file => (file.Key, file.Value.Stamp));

    /// <summary>Why there is no <see cref="Content"/>; null if there is. Names every file that is missing.</summary>
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

    public PairContent Content => new(
        _files[_options.CertificatePath].Content!,
        _files[_options.KeyPath].Content!,
        _options.PasswordPath is { } password ? _files[password].Content : null);

    public PairTags Tags => new(
        TagOf(_options.CertificatePath), TagOf(_options.KeyPath), _options.PasswordPath is { } password ? TagOf(password) : null);

    public static PairFiles Read(IFiles disk, CertificateOptions options)
    {
        var pair = new PairFiles(disk, options);
        try
        {
            foreach (var path in (IEnumerable<string?>)[options.CertificatePath, options.KeyPath, options.PasswordPath])
            {
                if (path is not null && !pair._files.ContainsKey(path))
                    pair._files.Add(path, Read(disk, path));
            }

            return pair;
        }
        catch
        {
            pair.Dispose();
            throw;
        }
    }

    /// <summary>Whether the paths lead to other files now, or the files have changed, by their stamps. Then the contents may not belong together.</summary>
    public bool HaveChanged() => _files.Any(file => StampOf(file.Key) != file.Value.Stamp);

    public void Dispose()
    {
        foreach (var file in _files.Values)
            file.Content?.Dispose();
    }

    private bool IsSecret(string path) => path == _options.KeyPath || path == _options.PasswordPath;

    private ContentTag? TagOf(string path) => _files[path].Content is { } content ? ContentTag.Of(content) : null;

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

    private static ReadFile Read(IFiles disk, string path)
    {
        FileStamp? stamp = null;
        try
        {
            var snapshot = PathSnapshot.Take(disk, path);
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
            using var file = disk.Open(snapshot.EndPath);
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

    private static void RejectUnlessFile(string path, FileStamp stamp)
    {
        switch (stamp)
        {
            case { Kind: not FileKind.File }:
                throw Rejected(RejectionReason.FileUnreadable, $"{path} is not a regular file; specify a PEM or PKCS#12 file.");
            case { Size: > MaxFileSize }:
                throw TooLarge(path);
        }
    }

    /// <summary>Reads to the end of the file, which may not be where the stamp says.</summary>
    private static SecretBuffer Read(string path, IOpenFile file)
    {
        for (var capacity = Math.Min((int)file.Stamp.Size + 1, MaxFileSize + 1); ; capacity = MaxFileSize + 1)
        {
            var content = SecretBuffer.Rent(capacity);
            try
            {
                content.Shorten(file.Read(content.Span));
                if (content.Span.Length < capacity)
                    return content;
                if (capacity > MaxFileSize)
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

    private static RejectedException TooLarge(string path) => Rejected(
        RejectionReason.FileUnreadable, $"{path} is larger than {MaxFileSize} bytes, which is the limit; specify a PEM or PKCS#12 file.");

    private static RejectedException Rejected(RejectionReason reason, string message) => new(reason, message);
}
