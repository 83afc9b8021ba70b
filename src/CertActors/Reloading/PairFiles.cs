using CertActors.Disk;
using CertActors.Reloading.Formats;


namespace CertActors.Reloading;

/// <summary>The files of a pair, as they were read; what they held is zeroed when disposed of.</summary>
internal sealed class PairFiles : IDisposable
{
    private const int LargestFile = 1 << 20;

    private readonly IFiles _disk;
    private readonly CertificateOptions _options;
    private readonly Dictionary<string, ReadFile> _files = new(StringComparer.Ordinal);

    private PairFiles(IFiles disk, CertificateOptions options)
    {
        _disk = disk;
        _options = options;
    }

    /// <param name="Stamp">Of what was opened, from before it was read; of what is in its place if it wasn't; null if nothing is, or it can't be told.</param>
    /// <param name="Content">Null if it can't be read.</param>
    /// <param name="Problem">Why it can't; null if it can.</param>
    /// <param name="IsFileMount">Whether the file itself is a mount point.</param>
    private sealed record ReadFile(FileStamp? Stamp, SecretBuffer? Content, RejectedException? Problem, bool IsFileMount = false);

    /// <summary>What is to be known of the files all the same.</summary>
    public IReadOnlyList<FileWarning> Warnings =>
        [.. _files.SelectMany(file => file.Value.Stamp is { } stamp ? FileWarning.Of(file.Key, stamp, IsSecret(file.Key), file.Value.IsFileMount) : [])];

    /// <summary>What was seen at each path; null if nothing was.</summary>
    public IEnumerable<(string Path, FileStamp? Stamp)> Stamps => _files.Select(file => (file.Key, file.Value.Stamp));

    /// <summary>Why there's no <see cref="Content"/>; null if there is. Files that are missing are all named.</summary>
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

    /// <summary>What was read of each.</summary>
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

    /// <summary>Whether, by their stamps, the paths lead to other files by now, or the files have changed: what was read may be a mixture.</summary>
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
            var way = PathSnapshot.Take(disk, path);
            stamp = way.End;
            if (way.Obstacle is { } obstacle)
                throw Rejected(RejectionReason.FileUnreadable, $"{path} can't be read: {obstacle} Mend the links.");
            if (stamp is { } seen)
                RefuseWhatIsNoFile(path, seen);
            if (stamp is null)
            {
                throw Rejected(
                    RejectionReason.FileMissing,
                    $"{path} isn't there: there is no '{Path.GetFileName(way.EndPath)}' in {Path.GetDirectoryName(way.EndPath)}; create it, or correct the path.");
            }

            // Another thing may have taken its place; the descriptor tells what is read indeed.
            using var file = disk.Open(way.EndPath);
            stamp = file.Stamp;
            RefuseWhatIsNoFile(path, file.Stamp);
            var content = Read(path, file);
            var empty = content.Span.IsEmpty ? Rejected(RejectionReason.FileEmpty, $"{path} is empty; write it anew, whole.") : null;
            return new ReadFile(stamp, content, empty, way.IsFileMount);
        }
        catch (RejectedException rejected)
        {
            return new ReadFile(stamp, Content: null, rejected);
        }
        catch (FileNotFoundException)
        {
            return new ReadFile(stamp, Content: null, Rejected(RejectionReason.FileMissing, $"{path} went away while it was read; create it, or correct the path."));
        }
        catch (UnauthorizedAccessException)
        {
            return new ReadFile(stamp, Content: null, Rejected(
                RejectionReason.FileUnreadable, $"{path} may not be read by this process; let its user read the file and pass every directory on the way."));
        }
        catch (OutOfDescriptorsException error)
        {
            return new ReadFile(stamp, Content: null, Rejected(RejectionReason.FileUnreadable, $"{path} can't be read: {error.Message}."));
        }
        catch (IOException error)
        {
            return new ReadFile(stamp, Content: null, Rejected(
                RejectionReason.FileUnreadable, $"{path} can't be read: {error.Message}; mend the file or the disk."));
        }
    }

    private static void RefuseWhatIsNoFile(string path, FileStamp stamp)
    {
        switch (stamp)
        {
            case { Kind: not FileKind.File }:
                throw Rejected(RejectionReason.FileUnreadable, $"{path} isn't a regular file; name a PEM or PKCS#12 file.");
            case { Size: > LargestFile }:
                throw TooLarge(path);
        }
    }

    /// <summary>Reads to the end, wherever the stamp says that it is.</summary>
    private static SecretBuffer Read(string path, IOpenFile file)
    {
        for (var capacity = Math.Min((int)file.Stamp.Size + 1, LargestFile + 1); ; capacity = LargestFile + 1)
        {
            var content = SecretBuffer.Rent(capacity);
            try
            {
                content.Shorten(file.Read(content.Span));
                if (content.Span.Length < capacity)
                    return content;
                if (capacity > LargestFile)
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
        RejectionReason.FileUnreadable, $"{path} has more than the {LargestFile} bytes that are read; name a PEM or PKCS#12 file.");

    private static RejectedException Rejected(RejectionReason reason, string message) => new(reason, message);
}
