namespace CertActors.Disk;

/// <summary>A step of a path through its symbolic links to the real file: a name in a directory.</summary>
/// <param name="Directory">The real path of the directory, itself free of links. Where the file itself is a mount point, the path of that file.</param>
/// <param name="Name">
/// The entry that is searched in it: a directory, a link, the file, or the first part of the path that does not exist. Empty for a file that is a
/// mount point: a write to it through another mount is no event of the directory here (inotify(7)).
/// </param>
/// <param name="DirectoryIdentity">Which directory it is: another may have the same path later.</param>
/// <param name="Contents">Whether the entry is, or will be, the file itself, so that writes to it matter.</param>
internal sealed record PathStep(string Directory, string Name, FileIdentity DirectoryIdentity, bool Contents);
