using CertActors.Disk;
using CertActors.Tests.Support;

namespace CertActors.Tests;

/// <summary>Which steps lead to a file.</summary>
public sealed class PathSnapshotSpec
{
    public static TheoryData<string> Names => [.. Layout.All.Select(layout => layout.Name)];

    [Theory]
    [MemberData(nameof(Names))]
    public void Every_step_is_found(string name)
    {
        var layout = Layout.All.Single(each => each.Name == name);
        var files = new MemoryFiles();
        layout.Make("", path => files.Write(path, "x"), path => files.MakeDirectory(path.Length == 0 ? "/" : path), files.Link);

        if (layout.Steps is null)
            Assert.Contains("symbolic links", PathSnapshot.Take(files, layout.Path).Obstacle, StringComparison.Ordinal);
        else
            Assert.Equal(layout.Steps, Layout.StepsOf(PathSnapshot.Take(files, layout.Path), ""));
    }

    [Fact]
    public void What_vanishes_during_the_walk_is_missing_or_an_error_and_never_a_crash()
    {
        foreach (var gone in (string[])["/certs/tls.crt", "/certs/..data", "/certs/..v1", "/certs"])
        {
            for (var after = 1; after < 8; after++)
            {
                var files = new MemoryFiles();
                Layout.All.Single(each => each.Name == "Kubernetes").Make("", path => files.Write(path, "x"), files.MakeDirectory, files.Link);
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
        Layout.All.Single(each => each.Name == "Kubernetes").Make("", path => files.Write(path, "x"), files.MakeDirectory, files.Link);
        var step = Assert.Single(PathSnapshot.Take(files, "/certs/tls.crt").Steps, step => step.Contents);
        Assert.Equal(("/certs/..v1", "tls.crt"), (step.Directory, step.Name));
    }
}
