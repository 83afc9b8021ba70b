using CertActors.Disk;
using CertActors.Tests.Support;

namespace CertActors.IntegrationTests;

/// <summary>Which steps lead to a file on a real disk.</summary>
public sealed class LayoutTests : IDisposable
{
    private readonly DirectoryInfo _root = Directory.CreateTempSubdirectory("certactors-test-");

    public static TheoryData<string> Names => [.. Layout.All.Select(layout => layout.Name)];

    public void Dispose() => _root.Delete(recursive: true);

    [Theory]
    [MemberData(nameof(Names))]
    public void Every_step_is_found(string name)
    {
        var layout = Layout.All.Single(each => each.Name == name);
        var root = _root.FullName;
        layout.Make(root, path => File.WriteAllText(path, "x"), path => Directory.CreateDirectory(path), (path, target) => File.CreateSymbolicLink(path, target));

        if (layout.Steps is null)
            Assert.Contains("symbolic links", PathSnapshot.Take(DiskFiles.Instance, root + layout.Path).Obstacle, StringComparison.Ordinal);
        else
            Assert.Equal(layout.Steps, Layout.StepsOf(PathSnapshot.Take(DiskFiles.Instance, root + layout.Path), root));
    }

    [Theory]
    [MemberData(nameof(Names))]
    public void A_fingerprint_is_of_the_end_of_the_walk(string name)
    {
        var layout = Layout.All.Single(each => each.Name == name);
        var root = _root.FullName;
        layout.Make(root, path => File.WriteAllText(path, "x"), path => Directory.CreateDirectory(path), (path, target) => File.CreateSymbolicLink(path, target));
        if (layout.Steps is null)
            Assert.ThrowsAny<IOException>(() => DiskFiles.Instance.StatTarget(root + layout.Path));
        else
            Assert.Equal(PathSnapshot.Take(DiskFiles.Instance, root + layout.Path).End, DiskFiles.Instance.StatTarget(root + layout.Path));
    }

    [Fact]
    public void A_preserved_timestamp_fools_nobody()
    {
        var path = Path.Combine(_root.FullName, "tls.crt");
        File.WriteAllText(path, "one");
        var before = DiskFiles.Instance.StatTarget(path);
        var time = File.GetLastWriteTimeUtc(path);
        File.WriteAllText(path, "two");
        File.SetLastWriteTimeUtc(path, time);
        Assert.NotEqual(before, DiskFiles.Instance.StatTarget(path));
    }
}
