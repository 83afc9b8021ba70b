using System.Text;
using CertActors.Disk;
using CertActors.Tests.Support;

namespace CertActors.Tests;

/// <summary>What every <see cref="IFiles"/> does: the real disk and those in memory.</summary>
public abstract class FilesContract
{
    public static TheoryData<string> Layouts => [.. Layout.All.Select(layout => layout.Name)];

    internal abstract IFiles Files { get; }

    /// <summary>Changes the files as another process does. Its paths begin below <see cref="Root"/>.</summary>
    internal abstract IFileChanges Changes { get; }

    /// <summary>The directory in which the tests make their entries; empty for "/".</summary>
    private protected virtual string Root => "";

    [Theory]
    [MemberData(nameof(Layouts))]
    public void A_walk_finds_every_step(string name)
    {
        var layout = Make(name);
        if (layout.Steps is null)
            Assert.Contains("symbolic links", Walk(layout.Path).Obstacle, StringComparison.Ordinal);
        else
            Assert.Equal(layout.Steps, Layout.StepsOf(Walk(layout.Path), Root));
    }

    [Theory]
    [MemberData(nameof(Layouts))]
    public void The_target_of_a_path_is_the_end_of_its_walk(string name)
    {
        var layout = Make(name);
        if (layout.Steps is null)
            Assert.ThrowsAny<IOException>(() => Files.StatTarget(Root + layout.Path));
        else
            Assert.Equal(Walk(layout.Path).End, Files.StatTarget(Root + layout.Path));
    }

    [Fact]
    public void A_stamp_tells_a_file_a_directory_a_link_and_nothing()
    {
        Changes.MakeDirectory("/a");
        Changes.Write("/a/file", "four");
        Changes.Link("/a/link", "file");
        Changes.Link("/a/dangling", "nowhere");

        Assert.Equal((FileKind.File, 4L), (Stat("/a/file")!.Value.Kind, Stat("/a/file")!.Value.Size));
        Assert.Equal(FileKind.Directory, Stat("/a")!.Value.Kind);
        Assert.Equal(FileKind.Link, Stat("/a/link")!.Value.Kind);
        Assert.Equal(FileKind.Link, Stat("/a/dangling")!.Value.Kind);
        Assert.Null(Stat("/a/nowhere"));
        Assert.Null(Stat("/a/file/below"));
        Assert.Null(Stat("/nowhere/file"));
    }

    [Fact]
    public void A_stamp_stays_the_same_for_as_long_as_nothing_changes()
    {
        Changes.Write("/file", "a");
        Changes.Link("/link", "file");
        Assert.Equal(Stat("/file"), Stat("/file"));
        Assert.Equal(Stat("/link"), Stat("/link"));
        Assert.Equal(Stat("/file"), Files.StatTarget(Root + "/link"));
    }

    [Fact]
    public void A_write_changes_the_stamp_of_a_file_and_not_its_identity()
    {
        Changes.Write("/file", "a");
        var before = Stat("/file")!.Value;
        Changes.Write("/file", "ab");
        var after = Stat("/file")!.Value;
        Assert.NotEqual(before, after);
        Assert.Equal(before.Identity, after.Identity);
    }

    [Fact]
    public void A_file_that_takes_the_place_of_another_has_its_own_identity()
    {
        Changes.Write("/file", "a");
        var before = Stat("/file")!.Value;
        Changes.WriteByRename("/file", "a");
        Assert.NotEqual(before.Identity, Stat("/file")!.Value.Identity);
    }

    [Fact]
    public void A_directory_keeps_its_identity_when_its_entries_change()
    {
        Changes.MakeDirectory("/a");
        var before = Stat("/a")!.Value.Identity;
        Changes.Write("/a/file", "a");
        Changes.Delete("/a/file");
        Assert.Equal(before, Stat("/a")!.Value.Identity);
    }

    [Fact]
    public void The_target_of_a_link_is_read_as_it_is_written()
    {
        Changes.MakeDirectory("/a");
        Changes.Write("/a/file", "a");
        Changes.Link("/a/link", "../a/./file");

        Assert.Equal("../a/./file", Files.ReadLink(Root + "/a/link"));
        Assert.Null(Files.ReadLink(Root + "/a/file"));
        Assert.Null(Files.ReadLink(Root + "/a"));
        Assert.Null(Files.ReadLink(Root + "/a/nowhere"));
    }

    [Fact]
    public void An_open_file_has_the_stamp_of_its_path_and_is_read_from_the_start_each_time()
    {
        Changes.Write("/file", "content");
        using var file = Files.Open(Root + "/file");
        Assert.Equal(Stat("/file"), file.Stamp);
        Assert.Equal("content", Read(file, length: 100));
        Assert.Equal("content", Read(file, length: 7));
        Assert.Equal("con", Read(file, length: 3));
    }

    [Fact]
    public void An_open_file_stays_the_same_when_another_takes_its_place()
    {
        Changes.Write("/file", "before");
        using var file = Files.Open(Root + "/file");
        Changes.WriteByRename("/file", "after");
        Assert.Equal("before", Read(file, length: 100));
        Assert.NotEqual(Stat("/file")!.Value.Identity, file.Stamp.Identity);
    }

    [Fact]
    public void What_is_not_there_can_not_be_opened()
    {
        Changes.Write("/file", "a");
        Assert.Throws<FileNotFoundException>(() => Files.Open(Root + "/nowhere"));
        Assert.Throws<FileNotFoundException>(() => Files.Open(Root + "/nowhere/file"));
        Assert.Throws<FileNotFoundException>(() => Files.Open(Root + "/file/below"));
    }

    private static string Read(IOpenFile file, int length)
    {
        var buffer = new byte[length];
        return Encoding.UTF8.GetString(buffer, 0, file.Read(buffer));
    }

    private FileStamp? Stat(string path) => Files.Stat(Root + path);

    private PathSnapshot Walk(string path) => PathSnapshot.Take(Files, Root + path);

    private Layout Make(string name)
    {
        var layout = Layout.All.Single(each => each.Name == name);
        layout.Make(Changes);
        return layout;
    }
}
