using CertActors.Disk;
using CertActors.Supervision;
using CertActors.Tests.Support;
using CertActors.Watching;
using CertActors.Watching.Sources;

namespace CertActors.Tests;

/// <summary>Which directories are watched for whom, and what is told of them.</summary>
public sealed class WatchTableSpec
{
    private readonly ScriptedEvents _events = new();
    private readonly List<FileEvent> _told = [];
    private readonly WatchTable _watches;
    private readonly WatchedFiles _one = PairOf("one");
    private readonly WatchedFiles _other = PairOf("other");

    public WatchTableSpec()
    {
        _watches = new WatchTable(_events.Open, _told.Add, CertificateMetrics.Shared.WatchEvents, capacity: 2);
    }

    [Fact]
    public void Pairs_that_share_directories_share_watches_and_the_last_takes_them_along()
    {
        _watches.Watch(_one, [Step("/", "a"), File("/a", "crt")]);
        _watches.Watch(_other, [Step("/", "a"), File("/a", "crt"), File("/a", "key")]);
        Assert.Equal(2, _events.Watched);
        Assert.Equal(["/", "/a"], _events.Directories);

        _watches.Watch(_one, [Step("/", "b")]);
        Assert.Equal(["/", "/a"], _events.Directories);

        _watches.Watch(_other, [Step("/", "b")]);
        Assert.Equal(["/"], _events.Directories);
    }

    [Fact]
    public void An_event_concerns_the_pairs_that_go_by_its_step()
    {
        _watches.Watch(_one, [Step("/", "a"), File("/a", "crt")]);
        _watches.Watch(_other, [Step("/", "a"), File("/a", "key")]);

        _events.Raise("/a/key", FileEventKind.Written);
        Assert.Equal([_other], Read());

        _events.Raise("/a", FileEventKind.Renamed);
        Assert.Equal([_one, _other], Read());
    }

    [Fact]
    public void Names_that_nobody_asked_for_are_not_told()
    {
        _watches.Watch(_one, [Step("/", "a"), File("/a", "crt")]);
        _events.Raise("/a/sibling", FileEventKind.Written);
        _events.Raise("/b", FileEventKind.Created);
        _events.Raise("/elsewhere/crt", FileEventKind.Created);
        Assert.Empty(_told);
    }

    [Fact]
    public void Writes_to_what_is_no_file_of_a_pair_are_not_told()
    {
        _watches.Watch(_one, [Step("/", "a"), File("/a", "crt")]);
        _events.Raise("/a", FileEventKind.Attributes);
        Assert.Empty(_told);
    }

    [Fact]
    public void A_directory_of_steps_becomes_one_of_files_when_another_pair_needs_it()
    {
        _watches.Watch(_one, [Step("/", "a"), File("/a", "crt")]);
        _watches.Watch(_other, [File("/", "crt")]);
        _events.Raise("/crt", FileEventKind.Written);
        Assert.Equal([_other], Read());
    }

    [Theory]
    [InlineData(nameof(FileEventKind.Renamed))]
    [InlineData(nameof(FileEventKind.WatchLost))]
    public void A_watch_that_ends_before_its_number_is_known_is_asked_for_again(string end)
    {
        _events.BeforeTold = directory =>
        {
            _events.BeforeTold = _ => { };
            _events.RaiseDirectory(directory, Enum.Parse<FileEventKind>(end));
        };
        _watches.Watch(_one, [File("/a", "crt")]);
        Assert.Equal(2, _events.Watched);

        _events.Raise("/a/crt", FileEventKind.Written);
        Assert.Equal([_one], Read());
    }

    [Fact]
    public void After_an_overflow_each_watch_is_asked_for_once_more_as_its_end_may_have_been_lost()
    {
        PathStep[] steps = [Step("/", "a"), File("/a", "crt")];
        _watches.Watch(_one, steps);
        _watches.Watch(_one, steps);
        Assert.Equal(2, _events.Watched);

        _events.RaiseEverything(FileEventKind.Overflow);
        _watches.Watch(_one, steps);
        Assert.Equal(4, _events.Watched);
    }

    [Fact]
    public void One_event_of_a_step_waits_at_a_time()
    {
        _watches.Watch(_one, [File("/a", "crt"), File("/a", "key")]);
        for (var i = 0; i < 100; i++)
        {
            _events.Raise("/a/crt", FileEventKind.Written);
            _events.Raise("/a/key", FileEventKind.Written);
            _events.RaiseEverything(FileEventKind.Overflow);
        }

        Assert.Equal(3, _told.Count);
        foreach (var told in _told.ToArray())
            _watches.Acknowledge(told);
        _events.Raise("/a/crt", FileEventKind.Written);
        _events.RaiseEverything(FileEventKind.Overflow);
        Assert.Equal(5, _told.Count);
    }

    [Theory]
    [InlineData(nameof(FileEventKind.Removed))]
    [InlineData(nameof(FileEventKind.Renamed))]
    [InlineData(nameof(FileEventKind.WatchLost))]
    public void A_directory_that_goes_is_told_at_each_step_and_watched_anew_at_the_next_look(string kind)
    {
        PathStep[] steps = [File("/a", "crt"), File("/a", "key")];
        _watches.Watch(_one, steps);
        _events.RaiseDirectory("/a", Enum.Parse<FileEventKind>(kind));
        Assert.Equal(["crt", "key"], _told.Select(told => told.Step!.Name).Order());
        Assert.Empty(_events.Directories);

        _watches.Watch(_one, steps);
        Assert.Equal(["/a"], _events.Directories);
    }

    [Fact]
    public void Another_directory_under_the_same_path_is_watched_in_its_place()
    {
        _watches.Watch(_one, [File("/a", "crt")]);
        _watches.Watch(_one, [File("/a", "crt") with { DirectoryIdentity = new FileIdentity(1, 2, 3) }]);
        Assert.Equal(2, _events.Watched);
    }

    [Fact]
    public void Two_paths_of_one_directory_share_its_watch()
    {
        var source = new OneWatch();
        var told = new List<FileEvent>();
        var watches = new WatchTable(source.Open, told.Add, CertificateMetrics.Shared.WatchEvents, capacity: 2);
        watches.Watch(_one, [File("/a", "crt")]);
        watches.Watch(_other, [File("/twin", "crt")]);
        source.Raise("crt");
        Assert.Equal(["/a", "/twin"], told.Select(each => each.Step!.Directory.Path).Order());

        foreach (var each in told)
            watches.Acknowledge(each);
        watches.Watch(_one, []);
        Assert.Equal(0, source.Unwatched);
        source.Raise("crt");
        Assert.Equal("/twin", told[^1].Step!.Directory.Path);

        watches.Watch(_other, []);
        Assert.Equal(1, source.Unwatched);
        source.Raise("crt");
        Assert.Equal(3, told.Count);
    }

    [Fact]
    public void What_can_not_be_watched_takes_nothing_from_the_rest()
    {
        _events.WatchFails = directory => directory == "/b" ? new IOException("full") : null;
        var thrown = Assert.Throws<IOException>(() => _watches.Watch(_one, [File("/b", "key"), File("/a", "crt")]));
        Assert.Equal("full", thrown.Message);
        _events.Raise("/a/crt", FileEventKind.Written);
        Assert.Equal([_one], Read());
    }

    [Fact]
    public void Hundreds_of_names_in_one_directory_come_and_go()
    {
        WatchedFiles[] pairs = [.. Enumerable.Range(0, 300).Select(i => PairOf($"{i}"))];
        for (var i = 0; i < pairs.Length; i++)
            _watches.Watch(pairs[i], [Step("/", $"{i}")]);
        for (var i = 0; i < pairs.Length; i += 2)
            _watches.Watch(pairs[i], []);
        for (var i = 0; i < pairs.Length; i++)
            _events.Raise($"/{i}", FileEventKind.Created);

        Assert.Equal(Enumerable.Range(0, 150).Select(i => pairs[(2 * i) + 1]), _told.SelectMany(told => _watches.Acknowledge(told)!));
        for (var i = 1; i < pairs.Length; i += 2)
            _watches.Watch(pairs[i], []);
        Assert.Empty(_events.Directories);
    }

    [Fact]
    public void After_the_end_nothing_is_told_or_watched()
    {
        _watches.Watch(_one, [File("/a", "crt")]);
        _watches.Close();
        _watches.Close();
        _watches.Watch(_one, [File("/b", "crt")]);
        Assert.Equal((0, 1), (_events.OpenNow, _events.Watched));
    }

    private static WatchedFiles PairOf(string name) => new(name, ["/crt", "/key"], PipelineKit.Timing);

    private static PathStep Step(string directory, string name) => new(directory, name, default, Contents: false);

    private static PathStep File(string directory, string name) => new(directory, name, default, Contents: true);

    private List<WatchedFiles> Read()
    {
        List<WatchedFiles> concerned = [.. _told.SelectMany(told => _watches.Acknowledge(told)!)];
        _told.Clear();
        return concerned;
    }

    /// <summary>Every directory is the same one.</summary>
    private sealed class OneWatch : IFileEventSource
    {
        private OnFileEvent _sink = null!;

        public int Unwatched { get; private set; }

        public OneWatch Open(OnFileEvent sink)
        {
            _sink = sink;
            return this;
        }

        public int Watch(string directory, bool contents) => 1;

        public void Unwatch(int watch) => Unwatched++;

        public void Raise(string name) => _sink(1, name, FileEventKind.Written);

        public void Dispose()
        {
            // Holds nothing.
        }
    }
}
