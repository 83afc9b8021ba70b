using System.Security.Cryptography;
using CertActors.Watching;

namespace CertActors.Reloading;

/// <summary>Reads and judges a pair. Blocks, so that it is called on a disk thread.</summary>
internal static class KeyPairLoader
{
    private const int MostTries = 3;
    private const int LargestFile = 1 << 20;

    public static LoadResult Load(IFiles files, CertificateOptions options)
    {
        PairSnapshot? seen = null;
        try
        {
            for (var tries = 0; tries < MostTries; tries++)
            {
                // The fingerprint comes before the bytes and is compared after them: an update that lands between can't be missed.
                seen = Snapshot(files, options);
                if (TryLoad(files, options, seen) is { } result)
                    return result;
            }

            return new LoadResult.Rejected(
                RejectionReason.FilesChanging,
                $"{Both(options)} changed at each of {MostTries} attempts to read them; they are read again once they are left alone.",
                seen);
        }
        catch (RejectedException rejected)
        {
            return new LoadResult.Rejected(rejected.Reason, rejected.Message, seen);
        }
    }

    /// <returns>The judgement; null if the files changed meanwhile, so that it would be of a mixture.</returns>
    private static LoadResult? TryLoad(IFiles files, CertificateOptions options, PairSnapshot before)
    {
        LoadedPair? pair = null;
        RejectedException? rejected = null;
        try
        {
            pair = Read(files, options, before);
        }
        catch (RejectedException reason)
        {
            rejected = reason;
        }

        if (Snapshot(files, options) != before)
        {
            pair?.Dispose();
            return null;
        }

        return rejected is null
            ? new LoadResult.Accepted(pair!)
            : new LoadResult.Rejected(rejected.Reason, rejected.Message, before);
    }

    private static LoadedPair Read(IFiles files, CertificateOptions options, PairSnapshot before)
    {
        byte[]? certificate = null, key = null;
        try
        {
            certificate = ReadFile(files, options.CertificatePath, before.Certificate);
            key = ReadFile(files, options.KeyPath, before.Key);
            return PemPair.Parse(options, certificate, key);
        }
        finally
        {
            // Both: the certificate's file may hold the key as well.
            CryptographicOperations.ZeroMemory(certificate);
            CryptographicOperations.ZeroMemory(key);
        }
    }

    private static byte[] ReadFile(IFiles files, string path, PathSnapshot seen)
    {
        switch (seen.End)
        {
            case null:
                var missing = seen.Hops[^1];
                throw new RejectedException(
                    RejectionReason.FileMissing,
                    $"{path} isn't there: there is no '{missing.Name}' in {missing.Directory}; create it, or correct the path.");
            case { Kind: not FileKind.File }:
                throw new RejectedException(
                    RejectionReason.FileUnreadable, $"{path} isn't a regular file; name a PEM file.");
            case { Size: > LargestFile } large:
                throw new RejectedException(
                    RejectionReason.FileUnreadable, $"{path} has {large.Size} bytes, more than the {LargestFile} that are read; name a PEM file.");
            case { Size: 0 }:
                throw new RejectedException(
                    RejectionReason.FileEmpty, $"{path} is empty; write a PEM file to it.");
            case { Size: var size }:
                // Pinned, so that the collector leaves no copy of a key behind when it compacts.
                var content = GC.AllocateArray<byte>((int)size, pinned: true);
                try
                {
                    Guarded(path, () => files.Read(path, content));
                    return content;
                }
                catch
                {
                    CryptographicOperations.ZeroMemory(content);
                    throw;
                }
        }
    }

    private static PairSnapshot Snapshot(IFiles files, CertificateOptions options) => new(
        Guarded(options.CertificatePath, () => PathSnapshot.Take(files, options.CertificatePath)),
        Guarded(options.KeyPath, () => PathSnapshot.Take(files, options.KeyPath)));

    private static T Guarded<T>(string path, Func<T> read)
    {
        try
        {
            return read();
        }
        catch (UnauthorizedAccessException)
        {
            throw new RejectedException(
                RejectionReason.FileUnreadable, $"{path} may not be read by this process; let its user read the file and pass every directory on the way.");
        }
        catch (IOException gone) when (gone is FileNotFoundException or DirectoryNotFoundException)
        {
            throw new RejectedException(RejectionReason.FileMissing, $"{path} went away while it was read; create it, or correct the path.");
        }
        catch (IOException error)
        {
            throw new RejectedException(RejectionReason.FileUnreadable, $"{path} can't be read: {error.Message}; mend the file or the disk.");
        }
    }

    private static string Both(CertificateOptions options) =>
        options.CertificatePath == options.KeyPath ? options.CertificatePath : $"{options.CertificatePath} and {options.KeyPath}";
}
