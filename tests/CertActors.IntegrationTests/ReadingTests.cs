using System.Diagnostics;
using System.Net.Sockets;
using CertActors.Disk;
using CertActors.Reloading;
using CertActors.Reloading.Judging;
using CertActors.Tests.Support;

namespace CertActors.IntegrationTests;

/// <summary>What may lie at a path of a real disk: none of it hangs the load, or fills the memory.</summary>
public sealed class ReadingTests : IDisposable
{
    private static readonly TimeSpan Generous = TimeSpan.FromSeconds(30);

    private readonly DirectoryInfo _root = Directory.CreateTempSubdirectory("certactors-test-");
    private readonly TestPair _pair = TestPair.Make();

    public ReadingTests()
    {
        File.WriteAllText(CertPath, _pair.CertificatePem);
        File.WriteAllText(KeyPath, _pair.KeyPem);
    }

    private string CertPath => Path.Combine(_root.FullName, "tls.crt");

    private string KeyPath => Path.Combine(_root.FullName, "tls.key");

    private CertificateOptions Options => new() { CertificatePath = CertPath, KeyPath = KeyPath };

    public void Dispose() => _root.Delete(recursive: true);

    [Theory]
    [InlineData("pipe")]
    [InlineData("directory")]
    [InlineData("socket")]
    [InlineData("device")]
    [InlineData("3 GB")]
    public async Task What_is_no_file_of_a_pair_is_rejected_at_once(string what)
    {
        File.Delete(KeyPath);
        using var socket = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
        switch (what)
        {
            case "pipe":
                MakePipe(KeyPath);
                break;
            case "directory":
                Directory.CreateDirectory(KeyPath);
                break;
            case "socket":
                socket.Bind(new UnixDomainSocketEndPoint(KeyPath));
                break;
            case "device":
                File.CreateSymbolicLink(KeyPath, "/dev/zero");
                break;
            case "3 GB":
                using (var large = File.Create(KeyPath))
                    large.SetLength(3L << 30);
                break;
            default:
                throw new ArgumentOutOfRangeException(nameof(what));
        }

        var (verdict, allocated) = await LoadAsync();
        var rejected = Assert.IsType<Verdict.Rejected>(verdict);
        Assert.Equal(RejectionReason.FileUnreadable, rejected.Reason);
        Assert.Contains(KeyPath, rejected.Message, StringComparison.Ordinal);
        Assert.InRange(allocated, 0, 64 << 20);
    }

    [Fact]
    public void A_pipe_is_opened_without_waiting_for_a_writer_and_recognized_by_its_descriptor()
    {
        File.Delete(KeyPath);
        MakePipe(KeyPath);
        using var opened = DiskFiles.Instance.Open(KeyPath);
        Assert.Equal(FileKind.Other, opened.Stamp.Kind);
    }

    [Fact]
    public async Task A_race_with_a_pipe_hangs_nothing()
    {
        var (pipe, good) = (Path.Combine(_root.FullName, "pipe"), Path.Combine(_root.FullName, "good"));
        MakePipe(pipe);
        File.Copy(KeyPath, good);
        using var ended = new CancellationTokenSource();
        var swapping = Task.Run(() =>
        {
            for (var i = 0; !ended.IsCancellationRequested; i++)
            {
                File.Delete(KeyPath);
                File.CreateSymbolicLink(KeyPath, i % 2 == 0 ? pipe : good);
            }
        });

        HashSet<string> verdicts = [];
        for (var i = 0; i < 500; i++)
            verdicts.Add((await LoadAsync()).Verdict is Verdict.Rejected rejected ? rejected.Reason.ToString() : "accepted");
        await ended.CancelAsync();
        await swapping;

        string[] expected = ["accepted", nameof(RejectionReason.FileMissing), nameof(RejectionReason.FileUnreadable), nameof(RejectionReason.FilesChanging)];
        Assert.Subset(expected.ToHashSet(), verdicts);
    }

    [Fact]
    public void The_descriptor_and_the_path_tell_the_same_of_a_file_that_is_left_alone()
    {
        using var opened = DiskFiles.Instance.Open(KeyPath);
        Assert.Equal(DiskFiles.Instance.StatTarget(KeyPath), opened.Stamp);

        File.Move(KeyPath, KeyPath + ".old");
        File.WriteAllText(KeyPath, _pair.KeyPem);
        Assert.NotEqual(DiskFiles.Instance.StatTarget(KeyPath), opened.Stamp);
    }

    [Fact]
    public void Modes_are_those_of_the_file()
    {
        foreach (var (mode, isWarned) in ((UnixFileMode, bool)[])[
            (UnixFileMode.UserRead | UnixFileMode.UserWrite, false),
            (UnixFileMode.UserRead | UnixFileMode.GroupRead | UnixFileMode.OtherRead, true)])
        {
            File.SetUnixFileMode(KeyPath, mode);
            Assert.Equal(isWarned, CertificateCheck.Run(Options, DateTimeOffset.UtcNow).Findings.Any(finding => finding.Reason is null));
        }
    }

    // In a task of its own: what would hang is to fail the test.
    private Task<(Verdict Verdict, long Allocated)> LoadAsync() => Task.Run(() =>
    {
        // By this thread: other tests run in the same process.
        var allocated = GC.GetAllocatedBytesForCurrentThread();
        var verdict = KeyPairLoader.Load(DiskFiles.Instance, Options, served: null, isAccepted: true, servedTags: null, trust: () => null, () => DateTimeOffset.UtcNow).Verdict;
        return (verdict, GC.GetAllocatedBytesForCurrentThread() - allocated);
    }).WaitAsync(Generous);

    private static void MakePipe(string path)
    {
        using var made = Process.Start("mkfifo", path);
        Assert.True(made.WaitForExit(Generous));
        Assert.Equal(0, made.ExitCode);
    }
}
