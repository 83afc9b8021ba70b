using CertActors.Disk;
using CertActors.Tests;
using CertActors.Tests.Support;

namespace CertActors.IntegrationTests;

/// <inheritdoc/>
public sealed class DiskFilesTests : FilesContract, IDisposable
{
    private readonly DirectoryInfo _root = Directory.CreateTempSubdirectory("certactors-test-");

    internal override IFiles Files => DiskFiles.Instance;

    internal override IFileChanges Changes => new DiskFileSteps(Root);

    private protected override string Root => _root.FullName;

    public void Dispose() => _root.Delete(recursive: true);

    [Fact]
    public void A_preserved_timestamp_does_not_hide_a_write()
    {
        var path = Path.Combine(Root, "tls.crt");
        File.WriteAllText(path, "one");
        var before = Files.StatTarget(path);
        var time = File.GetLastWriteTimeUtc(path);
        File.WriteAllText(path, "two");
        File.SetLastWriteTimeUtc(path, time);
        Assert.NotEqual(before, Files.StatTarget(path));
    }
}
