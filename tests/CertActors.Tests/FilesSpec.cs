using CertActors.Disk;
using CertActors.Tests.Support;

namespace CertActors.Tests;

/// <inheritdoc/>
public sealed class MemoryFilesSpec : FilesContract
{
    private readonly MemoryFiles _files = new();

    internal override IFiles Files => _files;

    internal override IFileChanges Changes => _files;
}

/// <inheritdoc/>
public sealed class InodeFilesSpec : FilesContract
{
    private readonly InodeFiles _files = new();

    internal override IFiles Files => _files;

    internal override IFileChanges Changes => _files;
}
