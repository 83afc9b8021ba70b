using CertActors.Disk;
using CertActors.Tests.Support;

namespace CertActors.Tests;

/// <summary>The walk along a path. Which steps it finds is part of <see cref="FilesContract"/>.</summary>
public sealed class PathSnapshotSpec
{
    [Fact]
    public void What_vanishes_during_the_walk_is_missing_or_an_error_and_never_a_crash()
    {
        foreach (var gone in (string[])["/certs/tls.crt", "/certs/..data", "/certs/..v1", "/certs"])
        {
            for (var after = 1; after < 8; after++)
            {
                var files = new MemoryFiles();
                Layout.All.Single(each => each.Name == "Kubernetes").Make(files);
                var stats = 0;
                files.BeforeStat = _ =>
                {
                    if (++stats == after)
                        files.Delete(gone);
                };
                var thrown = Record.Exception(() => PathSnapshot.Take(files, "/certs/tls.crt"));
                Assert.True(thrown is null or IOException, $"{gone} after {after}: {thrown}");
            }
        }
    }

    [Fact]
    public void Only_the_file_itself_is_watched_for_its_contents()
    {
        var files = new MemoryFiles();
        Layout.All.Single(each => each.Name == "Kubernetes").Make(files);
        var step = Assert.Single(PathSnapshot.Take(files, "/certs/tls.crt").Steps, step => step.Contents);
        Assert.Equal(("/certs/..v1", "tls.crt"), (step.Directory, step.Name));
    }
}
