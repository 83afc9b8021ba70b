using System.Collections.Concurrent;
using CertActors.Tests.Support;
using CertActors.Watching.Sources;

namespace CertActors.Tests;

/// <summary>How what the kernel says is understood.</summary>
public sealed class InotifyEventSourceSpec : IDisposable
{
    private const uint Overflow = 0x4000;

    private static readonly TimeSpan Generous = TimeSpan.FromSeconds(30);

    private readonly FakeInotify _inotify = new();
    private readonly BlockingCollection<(int Watch, string Name, FileEventKind Kind)> _told = [];
    private readonly InotifyEventSource _source;

    public InotifyEventSourceSpec()
    {
        _source = new InotifyEventSource((watch, name, kind) => _told.Add((watch, name.ToString(), kind)), _inotify);
    }

    public void Dispose()
    {
        _source.Dispose();
        Assert.True(_inotify.Disposed.Wait(Generous));
        _told.Dispose();
    }

    [Theory]
    [InlineData(0x100u, nameof(FileEventKind.Created))] // IN_CREATE
    [InlineData(0x80u, nameof(FileEventKind.Created))] // IN_MOVED_TO
    [InlineData(0x40000100u, nameof(FileEventKind.Created))] // with IN_ISDIR
    [InlineData(0x8u, nameof(FileEventKind.Written))] // IN_CLOSE_WRITE
    [InlineData(0x2u, nameof(FileEventKind.Written))] // IN_MODIFY
    [InlineData(0x4u, nameof(FileEventKind.Attributes))] // IN_ATTRIB
    [InlineData(0x200u, nameof(FileEventKind.Removed))] // IN_DELETE
    [InlineData(0x40u, nameof(FileEventKind.Renamed))] // IN_MOVED_FROM
    [InlineData(0x400u, nameof(FileEventKind.Removed))] // IN_DELETE_SELF
    [InlineData(0x800u, nameof(FileEventKind.Renamed))] // IN_MOVE_SELF
    [InlineData(0x2000u, nameof(FileEventKind.WatchLost))] // IN_UNMOUNT
    [InlineData(0x8000u, nameof(FileEventKind.WatchLost))] // IN_IGNORED
    public void Every_kind_has_a_name(uint mask, string kind)
    {
        _inotify.Say(FakeInotify.Event(7, mask, "tls.crt"));
        Assert.Equal((7, "tls.crt", Enum.Parse<FileEventKind>(kind)), Next());
    }

    [Fact]
    public void Several_events_of_one_read_are_told_in_their_order()
    {
        _inotify.Say(FakeInotify.Event(1, 0x100, "a"), FakeInotify.Event(2, 0x400), FakeInotify.Event(1, 0x8, new string('b', 255)));
        Assert.Equal((1, "a", FileEventKind.Created), Next());
        Assert.Equal((2, "", FileEventKind.Removed), Next());
        Assert.Equal((1, new string('b', 255), FileEventKind.Written), Next());
    }

    [Fact]
    public void An_overflow_concerns_everything()
    {
        _inotify.Say(FakeInotify.Event(-1, Overflow));
        Assert.Equal((IFileEventSource.Everything, "", FileEventKind.Overflow), Next());
    }

    [Fact]
    public void A_mount_concerns_everything()
    {
        _inotify.ChangeMounts();
        Assert.Equal((IFileEventSource.Everything, "", FileEventKind.Mounts), Next());
    }

    [Fact]
    public void Names_of_odd_bytes_do_no_harm()
    {
        _inotify.Say(FakeInotify.Event(1, 0x100, [0xff, 0xfe, 0xc3]), FakeInotify.Event(1, 0x100, "ü"));
        Assert.Equal(1, Next().Watch);
        Assert.Equal((1, "ü", FileEventKind.Created), Next());
    }

    [Theory]
    [InlineData(8)]
    [InlineData(20)]
    public void What_is_cut_short_counts_as_an_overflow(int length)
    {
        _inotify.Say(FakeInotify.Event(1, 0x100, "a")[..length]);
        Assert.Equal((IFileEventSource.Everything, "", FileEventKind.Overflow), Next());
    }

    [Fact]
    public void A_length_beyond_all_measure_counts_as_an_overflow()
    {
        var bad = FakeInotify.Event(1, 0x100, "a");
        bad.AsSpan(12, 4).Fill(0xff);
        _inotify.Say(bad);
        Assert.Equal((IFileEventSource.Everything, "", FileEventKind.Overflow), Next());
    }

    [Fact]
    public async Task An_error_is_its_last_word()
    {
        _inotify.Fail(5);
        Assert.Equal((IFileEventSource.Everything, "", FileEventKind.WatchLost), Next());
        await _inotify.Disposed.WaitAsync(Generous);
    }

    [Fact]
    public async Task The_end_wakes_its_thread_and_gives_the_instance_back()
    {
        _source.Dispose();
        await _inotify.Disposed.WaitAsync(Generous);
        Assert.Empty(_told);
    }

    [Fact]
    public void An_ancestor_is_watched_without_writes_and_attributes()
    {
        const uint modify = 0x2, attributes = 0x4, closeWrite = 0x8;
        _source.Watch("/tmp", contents: false);
        _source.Watch("/tmp/certs", contents: true);
        uint[] masks = [.. _inotify.Added.Select(added => added.Mask & (modify | attributes | closeWrite))];
        Assert.Equal([0u, modify | attributes | closeWrite], masks);
    }

    [Theory]
    [InlineData(28, typeof(IOException), "fs.inotify.max_user_watches")] // ENOSPC
    [InlineData(13, typeof(UnauthorizedAccessException), "let the process's user read it")] // EACCES
    [InlineData(2, typeof(DirectoryNotFoundException), "was removed")] // ENOENT
    [InlineData(20, typeof(DirectoryNotFoundException), "was removed")] // ENOTDIR
    [InlineData(12, typeof(IOException), "cannot be watched")] // ENOMEM
    public void What_can_not_be_watched_is_told_with_path_and_remedy(int error, Type type, string remedy)
    {
        _inotify.AddError = error;
        var thrown = Assert.Throws(type, () => _source.Watch("/certs", contents: true));
        Assert.Contains("/certs", thrown.Message, StringComparison.Ordinal);
        Assert.Contains(remedy, thrown.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(24, "fs.inotify.max_user_instances")] // EMFILE
    [InlineData(23, "fs.file-max")] // ENFILE
    [InlineData(38, "inotify cannot be used")] // ENOSYS
    public void Without_an_instance_the_remedy_is_told(int error, string remedy) =>
        Assert.Contains(remedy, InotifyErrors.OfInstance(error).Message, StringComparison.Ordinal);

    private (int Watch, string Name, FileEventKind Kind) Next()
    {
        Assert.True(_told.TryTake(out var told, Generous));
        return told;
    }
}
