namespace CertActors.Tests.Support;

/// <summary>What other processes do to files. What a file system would refuse does nothing.</summary>
internal interface IFileChanges
{
    /// <summary>In place, through links.</summary>
    void Write(string path, string text);

    /// <summary>Puts a new file in the place of what was there.</summary>
    void WriteByRename(string path, string text);

    /// <summary>Puts a link in the place of what was there, atomically.</summary>
    void Link(string path, string target);

    void MakeDirectory(string path);

    /// <summary>With all that is in it.</summary>
    void Delete(string path);
}
